package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/audit"
	"github.com/steward-itsm/steward/internal/smtptest"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/notify"
	"github.com/steward-itsm/steward/workflows"
)

// hookSecret is the example of the Standard Webhooks specification.
const hookSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

// toldFlow tells of all that a stage can tell of within seconds.
const toldFlow = `---
apiVersion: steward/v1
kind: Group
metadata: {name: buyers}
spec: {members: [a, b]}
---
apiVersion: steward/v1
kind: ApprovalFlow
metadata: {name: told}
spec:
  stages:
    - {name: one, approvers: [{group: buyers}], within: 1h, remind: 1s, escalate: [{after: 1s, to: [{person: c}]}], onTimeout: hold}
---
apiVersion: steward/v1
kind: Channel
metadata: {name: room}
spec: {webhook: "HOOK", for: [{group: buyers}]}
`

// TestPeopleAndSystemsAreToldByMailAndWebhook goes from a stage that opens to a
// process that is over, with a webhook that fails twice on the way.
func TestPeopleAndSystemsAreToldByMailAndWebhook(t *testing.T) {
	t.Parallel()
	mails := smtptest.Open(t, nil)
	hook := openHook(t, answer500, answerLater)
	d := startDev(t, mailing(mails.Address)...)
	d.apply(firePeople() + strings.Replace(toldFlow, "HOOK", hook.url, 1))
	id := startTold(t, d)

	awaitMail(t, mails, "a@fire.test", id+" asks for your decision")
	awaitMail(t, mails, "b@fire.test", id+" asks for your decision")
	awaitMail(t, mails, "a@fire.test", id+" still waits for your decision")
	awaitMail(t, mails, "c@fire.test", id+" is escalated to you")
	openLink(t, d, id, awaitMail(t, mails, "a@fire.test", "asks for your decision"))

	r := d.send(http.MethodPost, "/v1/approvals/"+id+"/decisions", "a", "", map[string]any{"decision": "approve"})
	require.True(t, r.ok(), "%s", r.body)
	awaitMail(t, mails, "asker@fire.test", id+" is over")
	sent := awaitOutcomes(t, d, id)

	asked := outcomesOf(t, sent, itsm.EventStageOpened)
	assert.Equal(t, []string{"email a sent 1", "email b sent 1", "webhook room sent 3"}, asked, "who was reached is not told again")
	assert.Len(t, mailsOf(mails, "b@fire.test", "asks for your decision"), 1)
	assert.Equal(t, 1, hook.taken[id+"/2"], "delivered once")
	assert.Equal(t, 3, hook.asked[id+"/2"], "under one ID")
	assert.GreaterOrEqual(t, hook.waited, time.Second, "no sooner than the receiver asked for")
	for _, kind := range []itsm.EventType{itsm.EventStageReminded, itsm.EventStageEscalated, itsm.EventApprovalClosed} {
		assert.NotEmpty(t, outcomesOf(t, sent, kind), kind)
	}
	assert.ElementsMatch(t, asked, outcomesOf(t, sentInHistory(t, d, id), itsm.EventStageOpened), "the history tells it too")
}

// TestMailServerThatIsAwayHoldsNothingUp has a process decided while nobody
// takes its mails.
func TestMailServerThatIsAwayHoldsNothingUp(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	d := startDev(t, mailing(address)...)
	d.apply(firePeople() + strings.Replace(toldFlow, "HOOK", openHook(t).url, 1))
	id := startTold(t, d)
	r := d.send(http.MethodPost, "/v1/approvals/"+id+"/decisions", "b", "", map[string]any{"decision": "approve"})
	require.True(t, r.ok(), "%s", r.body)
	var receipt itsm.Receipt
	r.into(t, &receipt)
	assert.Equal(t, itsm.OutcomeApproved, receipt.Outcome, "decided, though nobody could be told")

	mails := smtptest.Open(t, func(s *smtptest.Server) { s.Address = address })
	awaitMail(t, mails, "asker@fire.test", id+" is over")
	sent := awaitOutcomes(t, d, id)
	assert.Empty(t, mailsOf(mails, "a@fire.test", "asks for your decision"), "nobody is asked after it is over")
	for _, outcome := range outcomesOf(t, sent, itsm.EventStageOpened) {
		assert.Regexp(t, "^(email [ab] skipped|webhook room sent)", outcome)
	}
}

func mailing(address string) []string {
	return []string{
		"STEWARD_NOTIFY_LOG=false", "STEWARD_NOTIFY_SMTP_ADDRESS=" + address, "STEWARD_NOTIFY_SMTP_TLS=none",
		"STEWARD_NOTIFY_SMTP_FROM=Steward <steward@fire.test>", "STEWARD_NOTIFY_WEBHOOK_SECRET=" + hookSecret,
	}
}

func startTold(t *testing.T, d *devProcess) string {
	t.Helper()
	r := d.send(http.MethodPost, "/v1/approvals", "asker", "", map[string]any{"flow": "told", "subject": map[string]any{}})
	require.Equal(t, http.StatusCreated, r.status, "%s", r.body)
	var receipt itsm.Receipt
	r.into(t, &receipt)
	return receipt.Process
}

// hook is a receiver that fails its first requests, and checks every signature.
type hook struct {
	url    string
	mutex  sync.Mutex
	faults []func(http.ResponseWriter)
	put    time.Time      // when it last asked to come back later
	waited time.Duration  // until the next request after that
	asked  map[string]int // by message ID
	taken  map[string]int
}

func answer500(w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) }

func answerLater(w http.ResponseWriter) {
	w.Header().Set("Retry-After", "1")
	w.WriteHeader(http.StatusServiceUnavailable)
}

// openHook opens one that answers the first message as told, again and again
// until nothing is told any more.
func openHook(t *testing.T, faults ...func(http.ResponseWriter)) *hook {
	t.Helper()
	h := &hook{faults: faults, asked: map[string]int{}, taken: map[string]int{}}
	verifier, err := standardwebhooks.NewWebhook(hookSecret)
	require.NoError(t, err)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		assert.NoError(t, verifier.Verify(body, r.Header))
		h.receive(w, r.Header.Get(standardwebhooks.HeaderWebhookID))
	}))
	t.Cleanup(server.Close)
	h.url = server.URL
	return h
}

func (h *hook) receive(w http.ResponseWriter, id string) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.asked[id]++
	if !strings.HasSuffix(id, "/2") { // the first notice is about event 2
		h.taken[id]++
		return
	}
	if !h.put.IsZero() {
		h.waited, h.put = time.Since(h.put), time.Time{}
	}
	if len(h.faults) == 0 {
		h.taken[id]++
		return
	}
	h.faults[0](w)
	if h.faults = h.faults[1:]; len(h.faults) == 0 {
		h.put = time.Now()
	}
}

var mailSubject = regexp.MustCompile(`(?m)^Subject: (.*(?:\r?\n[ \t].*)*)`)

// mailsOf lists the mails to an address with a subject.
func mailsOf(mails *smtptest.Server, to, subject string) []smtptest.Mail {
	return slices.DeleteFunc(mails.Received(), func(m smtptest.Mail) bool {
		found := mailSubject.FindStringSubmatch(m.Data)
		return !strings.Contains(m.To, to) || found == nil || !strings.Contains(found[1], subject)
	})
}

func awaitMail(t *testing.T, mails *smtptest.Server, to, subject string) smtptest.Mail {
	t.Helper()
	require.Eventually(t, func() bool { return len(mailsOf(mails, to, subject)) > 0 },
		30*time.Second, 20*time.Millisecond, "no mail to %s: %s", to, subject)
	return mailsOf(mails, to, subject)[0]
}

// openLink follows the link in a mail, which changes nothing.
func openLink(t *testing.T, d *devProcess, id string, mail smtptest.Mail) {
	t.Helper()
	link := d.url() + "/v1/processes/" + id
	assert.Contains(t, strings.ReplaceAll(mail.Data, "=\n", ""), link)
	commands := func() (n int) {
		for _, e := range all[itsm.Event](d, "/v1/processes/"+id+"/events?") {
			if e.Actor.Kind != itsm.ActorSystem {
				n++
			}
		}
		return n
	}
	before := commands()
	response, err := http.Get(link)
	require.NoError(t, err)
	defer func() { _ = response.Body.Close() }()
	assert.Equal(t, http.StatusOK, response.StatusCode)
	assert.Equal(t, before, commands())
}

// awaitOutcomes waits until it is recorded what became of every notice up to
// that of the end.
func awaitOutcomes(t *testing.T, d *devProcess, id string) []itsm.Sent {
	t.Helper()
	var sent []itsm.Sent
	require.Eventually(t, func() bool {
		sent = nil
		for _, e := range all[itsm.Event](d, "/v1/processes/"+id+"/events?") {
			var data itsm.NotificationsSent
			if e.Type == itsm.EventNotificationsSent && json.Unmarshal(e.Data, &data) == nil {
				sent = append(sent, data.Sent...)
			}
		}
		closed := slices.ContainsFunc(sent, func(s itsm.Sent) bool { return s.Type == itsm.EventApprovalClosed })
		opened := slices.ContainsFunc(sent, func(s itsm.Sent) bool { return s.Type == itsm.EventStageOpened })
		return closed && opened
	}, 30*time.Second, 50*time.Millisecond, "what became of the notices is not recorded")
	return sent
}

// outcomesOf tells what became of the notices of one type, sorted.
func outcomesOf(t *testing.T, sent []itsm.Sent, kind itsm.EventType) []string {
	t.Helper()
	var lines []string
	for _, s := range sent {
		if s.Type != kind {
			continue
		}
		var outcomes []notify.Outcome
		require.NoError(t, json.Unmarshal(s.Outcomes, &outcomes))
		for _, o := range outcomes {
			lines = append(lines, strings.Join([]string{o.Channel, o.Recipient, o.Result, string(rune('0' + o.Attempts))}, " "))
		}
	}
	slices.Sort(lines)
	return lines
}

// sentInHistory reads the same from the workflow's history.
func sentInHistory(t *testing.T, d *devProcess, id string) []itsm.Sent {
	t.Helper()
	history, err := audit.ParseHistory(d.send(http.MethodGet, "/v1/processes/"+id+"/history", "", "", nil).body)
	require.NoError(t, err)
	var sent []itsm.Sent
	for _, event := range history.Events {
		for _, payload := range event.GetActivityTaskCompletedEventAttributes().GetResult().GetPayloads() {
			var notified workflows.Notified
			if json.Unmarshal(payload.Data, &notified) == nil {
				sent = append(sent, notified.Sent...)
			}
		}
	}
	return sent
}
