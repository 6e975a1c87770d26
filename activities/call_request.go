package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/steward-itsm/steward/definition"
	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/workflows"
)

const (
	headerIdempotency = "Idempotency-Key"
	headerCallback    = "Steward-Callback"
	headerContentType = "Content-Type"

	// callTimeout is how long one attempt may take where the step does not say.
	callTimeout = 30 * time.Second
)

// outgoing is a request that is ready to be sent.
type outgoing struct {
	name    string // by which people know it: "POST https://…"
	request *http.Request
	timeout time.Duration
	secrets []string // what nobody may see, the longest first
}

// prepareCall makes the request of a step. The error is an *itsm.Error where
// somebody must mend something before it can be sent.
func (a *Activities) prepareCall(ctx context.Context, request workflows.CallRequest) (*outgoing, error) {
	c, err := a.newChange(ctx, request.TransitionFacts)
	if err != nil {
		return nil, err
	}
	c.onSteps(request.Steps)
	step, err := c.step(request.Step)
	if err != nil {
		return nil, err
	}
	out := &outgoing{name: step.Call, timeout: callTimeout}
	if step.Timeout != nil {
		out.timeout = step.Timeout.Elapsed()
	}
	callback, err := a.callbackURL(ctx, step, request)
	if err != nil {
		return nil, err
	}
	body, err := c.body(step, callback)
	if err != nil {
		return nil, err
	}
	method, address, _ := strings.Cut(step.Call, " ")
	if out.request, err = http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body)); err != nil || out.request.URL.Host == "" {
		return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "%q can't be sent: it is no URL; correct the model", step.Call)
	}
	if err := a.setHeaders(out, step, len(body) > 0); err != nil {
		return nil, err
	}
	out.request.Header.Set(headerIdempotency, fmt.Sprintf("%s/%s/%d", request.Process, request.Step, request.Attempt))
	if callback != "" {
		out.request.Header.Set(headerCallback, callback)
		out.hide(callback)
		out.hide(path.Base(callback))
	}
	return out, nil
}

// callbackURL gives the URL under which the called system reports the end, or
// "". It is made anew for each attempt, and always the same.
func (a *Activities) callbackURL(ctx context.Context, step definition.Step, request workflows.CallRequest) (string, error) {
	if step.Callback == nil {
		return "", nil
	}
	key, err := a.Store.CallbackKey(ctx)
	if err != nil {
		return "", fmt.Errorf("making a callback URL: %w", err)
	}
	address := itsm.CallbackAddress{Process: request.Process, Step: request.Step, Attempt: request.Attempt}
	return strings.TrimRight(a.PublicURL, "/") + "/v1/callbacks/" + address.Token(key), nil
}

// body evaluates the step's body, and adds the callback to an object that has
// none. A step without a body sends the callback alone, where its method takes
// one.
func (c *change) body(step definition.Step, callback string) ([]byte, error) {
	value, err := c.given(step, callback)
	if value == nil || err != nil {
		return nil, err
	}
	if fields, ok := value.(map[string]any); ok && callback != "" {
		if _, has := fields["callback"]; !has {
			fields = maps.Clone(fields)
			fields["callback"] = callback
			value = fields
		}
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("writing the body of a call: %w", err)
	}
	return raw, nil
}

// given evaluates what the step says of its body; nil is no body.
func (c *change) given(step definition.Step, callback string) (any, error) {
	method, _, _ := strings.Cut(step.Call, " ")
	switch {
	case step.Body != "":
		value, err := c.expressions.Value(step.Body, c.facts)
		if err != nil {
			return nil, itsm.Errorf(itsm.CodeDefinitionInvalid, "the body of the call can't be evaluated: %v; amend the transition and retry the step, or complete or skip it by hand", err)
		}
		return value, nil
	case callback == "", method == http.MethodGet, method == http.MethodDelete:
		return nil, nil
	default:
		return map[string]any{}, nil
	}
}

// setHeaders sets those of the step, whose secrets come from the settings.
func (a *Activities) setHeaders(out *outgoing, step definition.Step, hasBody bool) error {
	out.request.Header.Set("User-Agent", "Steward")
	if hasBody {
		out.request.Header.Set(headerContentType, "application/json")
	}
	for _, name := range slices.Sorted(maps.Keys(step.Headers)) {
		header := step.Headers[name]
		value := header.Text
		if header.Secret != "" {
			secret, ok := a.secret(header.Secret)
			if !ok {
				return itsm.Errorf(itsm.CodeDefinitionInvalid,
					"the workers' settings have no secret %q for the header %s; set secrets.%s and restart them, then retry the step", header.Secret, name, header.Secret)
			}
			value = secret
			out.hide(secret)
		}
		if !validHeader(name, value) {
			return itsm.Errorf(itsm.CodeDefinitionInvalid, "the header %q has characters that can't be sent; correct it, then retry the step", name)
		}
		if http.CanonicalHeaderKey(name) == "Host" {
			out.request.Host = value // net/http takes it from here alone
		}
		out.request.Header.Set(name, value)
	}
	return nil
}

func (a *Activities) secret(name string) (string, bool) {
	if a.Secrets == nil {
		return "", false
	}
	return a.Secrets(name)
}

// validHeader holds a header to RFC 9110, 5.1 and 5.5, as net/http would.
func validHeader(name, value string) bool {
	const marks = "!#$%&'*+-.^_`|~"
	isToken := func(r rune) bool {
		return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune(marks, r)
	}
	isControl := func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) && !strings.ContainsFunc(value, isControl)
}

// hide keeps a text from ever being shown.
func (o *outgoing) hide(secret string) {
	if secret == "" {
		return
	}
	o.secrets = append(o.secrets, secret)
	if quoted, err := json.Marshal(secret); err == nil && len(quoted) > len(secret)+len(`""`) {
		o.secrets = append(o.secrets, string(quoted[1:len(quoted)-1])) // as it stands in JSON
	}
	slices.SortFunc(o.secrets, func(x, y string) int { return len(y) - len(x) })
}

// redact takes out what nobody may see.
func (o *outgoing) redact(text string) string {
	for _, secret := range o.secrets {
		text = strings.ReplaceAll(text, secret, "[redacted]")
	}
	return text
}

func (o *outgoing) longestSecret() int {
	if len(o.secrets) == 0 {
		return 0
	}
	return len(o.secrets[0])
}
