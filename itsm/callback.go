package itsm

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
)

// CallbackAddress is the call whose end a callback reports.
type CallbackAddress struct {
	Process string
	Step    string
	Attempt int
}

// String gives "CHG-1.migration.2.1".
func (a CallbackAddress) String() string {
	return a.Process + "." + a.Step + "." + strconv.Itoa(a.Attempt)
}

// Token gives the last part of the callback's URL. Nobody can make one who does
// not have the key, and it is worked out anew for each attempt to send the
// request, so that it stands in no history and in no table.
func (a CallbackAddress) Token(key []byte) string {
	return a.String() + "." + base64.RawURLEncoding.EncodeToString(a.seal(key))
}

func (a CallbackAddress) seal(key []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("steward callback " + a.String()))
	return mac.Sum(nil)
}

// ParseCallbackToken gives the call that a token belongs to. The error has
// CodeCallbackUnknown where the token was not made with the key.
func ParseCallbackToken(key []byte, token string) (CallbackAddress, error) {
	unknown := Errorf(CodeCallbackUnknown, "this callback URL is not known; call the one that came with the request, unchanged")
	address, seal, ok := cutLast(token)
	step, attempt, ok2 := cutLast(address)
	process, step, ok3 := strings.Cut(step, ".")
	n, err := strconv.Atoi(attempt)
	if !ok || !ok2 || !ok3 || err != nil {
		return CallbackAddress{}, unknown
	}
	a := CallbackAddress{Process: process, Step: step, Attempt: n}
	given, err := base64.RawURLEncoding.DecodeString(seal)
	if err != nil || !hmac.Equal(given, a.seal(key)) {
		return CallbackAddress{}, unknown
	}
	return a, nil
}

// TaskID names a step across all processes: "CHG-1.validation.1".
func TaskID(process, step string) string { return process + "." + step }

// ParseTaskID gives the process and the step of a task's ID. The error has
// CodeTaskUnknown.
func ParseTaskID(id string) (process, step string, err error) {
	process, step, ok := strings.Cut(id, ".")
	if _, known := KindOf(process); !ok || !known || step == "" {
		return "", "", Errorf(CodeTaskUnknown, "%q is no task; their IDs look like CHG-1.validation.1, as the inbox shows them", id)
	}
	return process, step, nil
}

func cutLast(text string) (before, after string, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return text, "", false
	}
	return text[:i], text[i+1:], true
}
