package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/steward-itsm/steward/itsm"
)

// checkJSON refuses a body that is not exactly one JSON value, with
// itsm.CodeMalformed and the place of the fault. It is strict where readers of
// JSON differ (RFC 7493): a name that is there twice would mean one thing here
// and another to whoever reads the journal, and a NUL is text that PostgreSQL
// does not hold.
func checkJSON(body []byte) error {
	var value json.RawMessage
	err := json.Unmarshal(body, &value)
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return itsm.Errorf(itsm.CodeMalformed, "the body is not JSON: %v, at byte %d", syntax, syntax.Offset)
	}
	if err != nil {
		return itsm.Errorf(itsm.CodeMalformed, "the body is not JSON: %v", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	return checkValue(decoder, nil)
}

// checkValue reads the next value, at a path of names, which is well formed and nested no deeper
// than encoding/json allows.
func checkValue(decoder *json.Decoder, path []string) error {
	token, err := decoder.Token()
	if err != nil {
		return err
	}
	switch value := token.(type) {
	case string:
		return checkText(value, path)
	case json.Delim:
		if value == '{' {
			err = checkObject(decoder, path)
		} else {
			err = checkArray(decoder, path)
		}
		if err != nil {
			return err
		}
		_, err = decoder.Token() // the end
	}
	return err
}

func checkObject(decoder *json.Decoder, path []string) error {
	seen := map[string]bool{}
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // names are strings
		at := slices.Concat(path, []string{name})
		if seen[name] {
			return itsm.FieldErrorf(itsm.CodeMalformed, pointer(at), "the body has %s twice; send it once", pointer(at))
		}
		seen[name] = true
		if err := errors.Join(checkText(name, path), checkValue(decoder, at)); err != nil {
			return err
		}
	}
	return nil
}

func checkArray(decoder *json.Decoder, path []string) error {
	for i := 0; decoder.More(); i++ {
		if err := checkValue(decoder, append(path, strconv.Itoa(i))); err != nil {
			return err
		}
	}
	return nil
}

func checkText(text string, path []string) error {
	if strings.ContainsRune(text, 0) {
		return itsm.FieldErrorf(itsm.CodeInvalid, pointer(path), "the text at %s has a NUL; leave such characters out", pointer(path))
	}
	return nil
}

// pointer writes a path as a JSON Pointer (RFC 6901), of a bearable length.
func pointer(path []string) string {
	const most = 200
	var text strings.Builder
	for _, name := range path {
		text.WriteString("/" + pointerEscapes.Replace(name))
		if text.Len() > most {
			return strings.ToValidUTF8(text.String()[:most], "") + "…"
		}
	}
	return text.String()
}
