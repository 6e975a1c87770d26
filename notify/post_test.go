package notify

import (
	"net/http"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

func TestEachReceiverHasItsOwnSecret(t *testing.T) {
	t.Parallel()
	const own = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	to, got := receiver(t, http.StatusOK)
	e := itsm.NewCloudEvent("CHG-1/7", "CHG-1", itsm.EventStepCompleted, time.Now(), nil)
	require.NoError(t, NewPoster(nil).Post(t.Context(), to, own, e))
	h := <-got
	for s, believed := range map[string]bool{own: true, secret: false} {
		verifier, err := standardwebhooks.NewWebhook(s)
		require.NoError(t, err)
		assert.Equal(t, believed, verifier.Verify([]byte(h.body), h.header) == nil)
	}
}

func TestReceiverThatIsGoneSaysSo(t *testing.T) {
	t.Parallel()
	for status, gone := range map[int]bool{410: true, 404: false, 503: false} {
		to, _ := receiver(t, status)
		err := NewPoster(nil).Post(t.Context(), to, secret, itsm.CloudEvent{ID: "CHG-1/7"})
		require.Error(t, err)
		assert.Equal(t, gone, IsGone(err), status)
	}
}

func TestUnusableSecretIsNotRepeated(t *testing.T) {
	t.Parallel()
	err := NewPoster(nil).Post(t.Context(), "http://127.0.0.1:1/", "whsec_hunter2!", itsm.CloudEvent{ID: "CHG-1/7"})
	require.Error(t, err)
	assert.True(t, IsPermanent(err))
	assert.NotContains(t, err.Error(), "hunter2")
}
