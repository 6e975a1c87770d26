package activities

import (
	"log/slog"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/workflows"
)

const someChannels = `
{apiVersion: steward/v1, kind: Channel, metadata: {name: a-record}, spec: {webhook: "https://record.acme.test/"}}
---
{apiVersion: steward/v1, kind: Channel, metadata: {name: b-desk, title: The desk}, spec: {email: desk@acme.test, for: [{person: raj}, {group: service-desk}]}}
---
{apiVersion: steward/v1, kind: Channel, metadata: {name: c-night}, spec: {webhook: "https://night.acme.test/", for: [{onCall: payments-primary}]}}
---
{apiVersion: steward/v1, kind: Channel, metadata: {name: d-boss}, spec: {log: true, for: [{managerOf: bob}]}}
`

// sender is one whose channels are all set up, and reach nobody.
func sender(t *testing.T, o notify.Options) *notify.Sender {
	t.Helper()
	s, err := notify.New(o)
	require.NoError(t, err)
	return s
}

func allChannels() notify.Options {
	return notify.Options{
		Log: slog.New(slog.DiscardHandler), WebhookSecret: "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5",
		SMTP: &notify.SMTPOptions{Address: "127.0.0.1:1", From: "steward@acme.test", TLS: notify.TLSNone},
	}
}

func TestChannelsAreForThoseWhomTheyName(t *testing.T) {
	t.Parallel()
	b := setup(t, someChannels)
	b.Sender = sender(t, allChannels())
	for _, c := range []struct {
		persons []string
		at      string
		want    []string
	}{
		{[]string{"olga"}, "2026-01-12 12:00", []string{"a-record"}}, // without `for` it is everyone's
		{[]string{"tom"}, "2026-01-12 12:00", []string{"a-record", "b-desk"}},
		{[]string{"olga", "raj"}, "2026-01-12 12:00", []string{"a-record", "b-desk"}},
		{[]string{"bob"}, "2026-01-12 07:59", []string{"a-record", "payments-chat"}},
		{[]string{"bob"}, "2026-01-12 08:00", []string{"a-record", "c-night", "payments-chat"}}, // on call from then on
		{[]string{"maria"}, "2026-01-12 12:00", []string{"a-record", "d-boss"}},
		{nil, "2026-01-12 12:00", []string{"a-record"}},
	} {
		targets, err := b.channelsFor(t.Context(), c.persons, utc(t, c.at))
		require.NoError(t, err)
		var found []string
		for _, target := range targets {
			found = append(found, target.Name)
		}
		assert.Equal(t, c.want, found, "%+v", c)
	}
}

func TestChannelLeadsWhereItSays(t *testing.T) {
	t.Parallel()
	b := setup(t, someChannels)
	b.Sender = sender(t, allChannels())
	targets, err := b.channelsFor(t.Context(), []string{"maria", "tom"}, utc(t, "2026-01-12 12:00"))
	require.NoError(t, err)
	assert.Equal(t, []notify.Target{
		{Channel: notify.ChannelWebhook, Name: "a-record", URL: "https://record.acme.test/"},
		{Channel: notify.ChannelEmail, Name: "b-desk", Person: notify.Recipient{Person: "b-desk", Name: "The desk", Email: "desk@acme.test"}},
		{Channel: notify.ChannelLog, Name: "d-boss", Person: notify.Recipient{Person: "d-boss"}},
	}, targets)
}

func TestOnlyWhatIsSetUpIsTried(t *testing.T) {
	t.Parallel()
	b := setup(t, someChannels)
	options := allChannels()
	options.WebhookSecret = ""
	b.Sender = sender(t, options)
	targets, err := b.targets(t.Context(), itsm.Notice{To: []string{"tom"}}, utc(t, "2026-01-12 12:00"))
	require.NoError(t, err)
	var found []string
	for _, target := range targets {
		found = append(found, target.Channel+" "+target.Person.Person)
	}
	assert.Equal(t, []string{"log tom", "email tom", "email b-desk"}, found)
}

func TestBadReferenceKeepsNobodyFromBeingTold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	d := &directory{ctx: t.Context(), store: b.Store}
	refs := []definition.Ref{{Group: "ghosts"}, {Person: "tom"}}
	for person, want := range map[string]bool{"tom": true, "raj": false} {
		concerned, err := d.concerns(refs, []string{person}, utc(t, "2026-01-12 12:00"))
		require.NoError(t, err)
		assert.Equal(t, want, concerned, person)
	}
}

// Mail to a shared mailbox asks people of the notice; it is spared when none of
// them is asked any more.
func TestSharedMailboxIsSparedWhenNobodyIsAskedAnyMore(t *testing.T) {
	t.Parallel()
	b := setup(t, someChannels)
	b.Sender = sender(t, allChannels())
	at := utc(t, "2026-01-12 12:00")
	event := itsm.Event{Process: "APR-1", Number: 1, Time: at, Type: itsm.EventStageOpened, Actor: itsm.Person("raj"), Data: []byte(`{"stage":"finance","round":1}`)}
	view := itsm.View{
		ID: "APR-1", Kind: itsm.KindApproval, State: itsm.StateOpen, Requester: itsm.Person("raj"), Opened: at, LastEvent: 1,
		Detail: []byte(`{"stage":"finance","round":1,"waitingFor":["tom"]}`),
	}
	_, err := b.Record(t.Context(), workflows.RecordRequest{Record: itsm.Record{Process: "APR-1", Events: []itsm.Event{event}, View: view}})
	require.NoError(t, err)
	for person, want := range map[string]string{"tom": "", "raj": notify.ResultSkipped} {
		notice := itsm.Notice{Event: 1, Type: itsm.EventStageOpened, To: []string{person}}
		targets, err := b.targets(t.Context(), notice, at)
		require.NoError(t, err)
		outcomes, err := b.spareOvertaken(t.Context(), event, notice, targets, nil)
		require.NoError(t, err)
		require.Len(t, outcomes, len(targets))
		for i, target := range targets {
			switch target.Channel {
			case notify.ChannelWebhook:
				assert.Empty(t, outcomes[i].Result, "webhooks are told all")
			default:
				assert.Equal(t, want, outcomes[i].Result, "%s %s", target.Channel, target.Person.Person)
			}
		}
	}
}
