package engine

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/store"
	"github.com/steward-itsm/steward/workflows"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// fakeTemporal notes the updates that it is sent, and answers all but those to
// processes that are away.
type fakeTemporal struct {
	client.Client
	got  []string // process and update ID
	away string
}

func (f *fakeTemporal) UpdateWorkflow(_ context.Context, o client.UpdateWorkflowOptions) (client.WorkflowUpdateHandle, error) {
	if o.WorkflowID == f.away {
		return nil, serviceerror.NewUnavailable("away")
	}
	f.got = append(f.got, o.WorkflowID+" "+o.UpdateID)
	args := o.Args[0].(workflows.AbsenceArgs)
	return answered{receipt: itsm.Receipt{
		Process: o.WorkflowID, Event: 7, State: itsm.StateOpen, Fingerprint: args.Command.Fingerprint,
	}}, nil
}

type answered struct {
	client.WorkflowUpdateHandle
	receipt itsm.Receipt
}

func (a answered) Get(_ context.Context, value any) error {
	*value.(*itsm.Receipt) = a.receipt
	return nil
}

type bundle struct {
	*Engine
	temporal *fakeTemporal
}

// setup has maria, tom and ines, and two approvals that wait for maria's vote,
// one of them with tom, who stands in.
func setup(t *testing.T) bundle {
	t.Helper()
	db, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "steward.db"), store.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, db.Close()) })
	_, err = db.Migrate(t.Context())
	require.NoError(t, err)
	var people []store.Definition
	for _, name := range []string{"maria", "tom", "ines"} {
		people = append(people, store.Definition{
			Kind: "Person", Name: name, Digest: name,
			Spec: []byte(`{"apiVersion":"steward/v1","kind":"Person","metadata":{"name":"` + name + `"},"spec":{}}`),
		})
	}
	_, err = db.ApplyDefinitions(t.Context(), store.Command{Actor: itsm.Person("maria"), Key: "people"},
		func(store.Catalog) ([]store.Definition, error) { return people, nil }, noon)
	require.NoError(t, err)
	for id, holder := range map[string]string{"APR-1": "maria", "APR-2": "tom"} {
		_, err = db.Record(t.Context(), itsm.Record{
			Process: id, Events: []itsm.Event{{Process: id, Number: 1, Time: noon, Type: itsm.EventApprovalOpened, Actor: itsm.Person("raj")}},
			View:  itsm.View{ID: id, Kind: itsm.KindApproval, State: itsm.StateOpen, Requester: itsm.Person("raj"), Opened: noon, LastEvent: 1},
			Inbox: []itsm.InboxItem{{Process: id, Task: "manager/1", Person: holder, Seat: "maria", Action: "decide", Since: noon}},
		})
		require.NoError(t, err)
	}
	temporal := &fakeTemporal{}
	return bundle{New(temporal, db, "steward"), temporal}
}

func away(delegate string) itsm.Absence {
	return itsm.Absence{Person: "maria", From: noon, To: noon.Add(time.Hour), Delegate: delegate}
}

func TestAbsenceReachesVotesThatAStandInHolds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	receipts, err := b.Absence(t.Context(), Call{Actor: itsm.Person("maria"), Key: "k"}, away("ines"))
	require.NoError(t, err)
	require.Len(t, receipts, 2)
	assert.Equal(t, []string{"APR-1", "APR-2"}, []string{receipts[0].Process, receipts[1].Process})
}

func TestRetryOfAnAbsenceGetsTheSameAnswerAndTellsNobodyAgain(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := Call{Actor: itsm.Person("maria"), Key: "k"}
	first, err := b.Absence(t.Context(), call, away("ines"))
	require.NoError(t, err)
	told := len(b.temporal.got)
	again, err := b.Absence(t.Context(), call, away("ines"))
	require.NoError(t, err)
	assert.Equal(t, first, again)
	assert.Len(t, b.temporal.got, told)

	_, err = b.Absence(t.Context(), call, away("tom"))
	assert.Equal(t, itsm.CodeKeyReused, itsm.ErrorCode(err))
	call.Comment = "another reason"
	_, err = b.Absence(t.Context(), call, away("ines"))
	assert.Equal(t, itsm.CodeKeyReused, itsm.ErrorCode(err))
	assert.Len(t, b.temporal.got, told)
}

func TestAbsenceThatBrokeOffGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.temporal.away = "APR-2"
	call := Call{Actor: itsm.Person("maria"), Key: "k"}
	_, err := b.Absence(t.Context(), call, away("ines"))
	require.Equal(t, itsm.CodeUnavailable, itsm.ErrorCode(err))
	_, err = b.Absence(t.Context(), call, away("tom"))
	require.Equal(t, itsm.CodeKeyReused, itsm.ErrorCode(err), "what was begun can't become another")

	b.temporal.away = ""
	receipts, err := b.Absence(t.Context(), call, away("ines"))
	require.NoError(t, err)
	assert.Len(t, receipts, 2)
	require.Len(t, b.temporal.got, 3)
	assert.Equal(t, b.temporal.got[0], b.temporal.got[1], "who was told before is told under the same key, and notes it once")
}

func TestAbsenceThatMakesNoSenseTakesUpNoKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	call := Call{Actor: itsm.Person("maria"), Key: "k"}
	for _, wrong := range []itsm.Absence{away("maria"), {Person: "maria", From: noon, To: noon, Delegate: "ines"}} {
		_, err := b.Absence(t.Context(), call, wrong)
		assert.Equal(t, itsm.CodeAbsenceInvalid, itsm.ErrorCode(err))
	}
	_, err := b.Absence(t.Context(), call, away("nobody"))
	assert.Equal(t, itsm.CodePersonUnknown, itsm.ErrorCode(err))
	_, err = b.Absence(t.Context(), call, away("ines"))
	require.NoError(t, err)
}
