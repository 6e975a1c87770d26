package activities

import (
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

// bundle is the activities on a database of their own, in which Acme is applied.
type bundle struct {
	*Activities
	docs map[store.Ref]definition.Document
}

// setup applies documents beyond Acme's, too.
func setup(t *testing.T, extra ...string) bundle {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "steward.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	b := bundle{&Activities{Store: db, Log: slog.New(slog.DiscardHandler)}, map[store.Ref]definition.Document{}}

	docs, problems := definition.Load(nil, sources(t, extra)...)
	require.Empty(t, problems)
	var rows []store.Definition
	for _, doc := range docs {
		b.docs[store.Ref{Kind: doc.Kind, Name: doc.Name}] = doc
		rows = append(rows, store.Definition{
			Kind: doc.Kind, Name: doc.Name, Digest: doc.Digest, Title: doc.Title, Owner: doc.Owner, Spec: doc.Canonical, Text: doc.Text,
		})
	}
	_, err = db.ApplyDefinitions(t.Context(), store.Command{Actor: itsm.Person("maria"), Key: "k"},
		func(store.Catalog) ([]store.Definition, error) { return rows, nil }, time.Now())
	require.NoError(t, err)
	return b
}

func sources(t *testing.T, extra []string) []definition.Source {
	t.Helper()
	files, err := filepath.Glob("../examples/acme/*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var all []definition.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		all = append(all, definition.Source{Name: file, Text: text})
	}
	for _, text := range extra {
		all = append(all, definition.Source{Name: "extra", Text: []byte(text)})
	}
	return all
}

// carried is a definition as a process takes it along.
func (b bundle) carried(t *testing.T, kind, name string) workflows.Definition {
	t.Helper()
	doc, ok := b.docs[store.Ref{Kind: kind, Name: name}]
	require.True(t, ok, "%s %s", kind, name)
	return workflows.Definition{DefinitionRef: itsm.DefinitionRef{Kind: kind, Name: name, Digest: doc.Digest}, Document: doc.Canonical}
}

// request asks for the stage of a flow from the given one on, for raj, in
// office hours where the flow has a calendar.
func (b bundle) request(t *testing.T, flow, subject string, from int, at time.Time) workflows.PlanRequest {
	t.Helper()
	r := workflows.PlanRequest{
		Flow: b.carried(t, definition.KindApprovalFlow, flow), Requester: itsm.Person("raj"),
		Subject: json.RawMessage(subject), From: from, At: at,
	}
	doc := b.docs[store.Ref{Kind: definition.KindApprovalFlow, Name: flow}]
	if calendar := doc.Spec.(*definition.ApprovalFlow).Calendar; calendar != "" {
		carried := b.carried(t, definition.KindCalendar, calendar)
		r.Calendar = &carried
	}
	return r
}

// on puts a service into a request.
func (b bundle) on(t *testing.T, service string, r workflows.PlanRequest) workflows.PlanRequest {
	t.Helper()
	carried := b.carried(t, definition.KindService, service)
	r.Service = &carried
	return r
}

func (b bundle) plan(t *testing.T, r workflows.PlanRequest) itsm.StagePlan {
	t.Helper()
	plan, err := b.PlanStage(t.Context(), r)
	require.NoError(t, err)
	return plan
}

// utc reads "2026-03-02 12:00".
func utc(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse("2006-01-02 15:04", text)
	require.NoError(t, err)
	return at
}

func names(candidates []itsm.Candidate) (persons []string) {
	for _, c := range candidates {
		persons = append(persons, c.Person)
	}
	return persons
}

// instants gives when a timetable does something of one kind.
func instants(plan itsm.StagePlan, kind itsm.DueKind) (all []string) {
	for _, due := range plan.Timetable {
		if due.Kind == kind {
			all = append(all, due.At.UTC().Format("2006-01-02 15:04"))
		}
	}
	return all
}
