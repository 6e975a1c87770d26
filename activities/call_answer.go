package activities

import (
	"encoding/json"
	"io"
	"strings"
	"unicode/utf8"
)

const (
	bodyAtMost    = 16 << 10 // bytes that are kept of an answer
	excerptAtMost = 300      // characters that are shown of one that is no success
	bodyCut       = "… (the rest was left out)"
)

// readBody reads so many bytes at most. What can't be read is missing: the
// answer itself is there.
func readBody(body io.Reader, most int) (read []byte, whole bool) {
	read, err := io.ReadAll(io.LimitReader(body, int64(most)+1))
	return read[:min(len(read), most)], err == nil && len(read) <= most
}

// bodyOf gives what is kept of an answer: its JSON as it came, any other text
// as a JSON string, without secrets; what is too long is cut, and says so.
func (o *outgoing) bodyOf(got reply) json.RawMessage {
	text, whole := o.readable(got)
	switch {
	case text == "" && whole:
		return nil
	case whole && json.Valid([]byte(text)):
		return json.RawMessage(text)
	case !whole:
		text += bodyCut
	}
	raw, err := json.Marshal(text)
	if err != nil { // text always becomes JSON
		return nil
	}
	return raw
}

// readable gives the answer's body as text without secrets, up to the limit.
func (o *outgoing) readable(got reply) (text string, whole bool) {
	text = o.redact(strings.ToValidUTF8(string(got.body), string(utf8.RuneError)))
	if !got.whole { // its end may have the beginning of a secret
		text = text[:max(len(text)-o.longestSecret(), 0)]
	}
	if len(text) <= bodyAtMost && got.whole {
		return text, true
	}
	return strings.ToValidUTF8(text[:min(len(text), bodyAtMost)], ""), false
}

// excerpt shows the beginning of an answer in one line.
func (o *outgoing) excerpt(got reply) string {
	text, _ := o.readable(got)
	words := []rune(strings.Join(strings.Fields(text), " "))
	switch {
	case len(words) == 0:
		return ""
	case len(words) > excerptAtMost:
		words = append(words[:excerptAtMost-1], '…')
	}
	return ": " + string(words)
}
