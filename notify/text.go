package notify

import (
	"net/url"
	"strings"
	"unicode"
)

// Bounds in characters, so that nobody's text swells a header or the journal.
const (
	maxSubject = 200
	maxDetail  = 300
)

// oneLine makes text safe for a header or a log line: valid UTF-8, one line,
// nothing that reorders what the reader sees.
func oneLine(text string) string {
	return strings.Join(strings.Fields(lines(text)), " ")
}

// lines is oneLine that keeps line breaks and tabs.
func lines(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		case unicode.IsControl(r) || r == '\u2028' || r == '\u2029':
			return ' '
		}
		return r
	}, text)
}

func clip(text string, limit int) string {
	runes := []rune(text)
	if len(runes) <= limit {
		return text
	}
	return string(runes[:limit-1]) + "…"
}

// redact shows where a URL leads without what may be secret in it:
// credentials, query and fragment.
func redact(raw string) string {
	if !isWeb(raw) {
		return ""
	}
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath}
	return shown.String()
}
