package main

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"
)

func TestColumnsLineUpForWideCharactersToo(t *testing.T) {
	t.Parallel()
	rows := table{{"NAME", "TITLE", "ROLE"}, {"chen", "陈晓", "operator"}, {"ines", "Ine\u0302s", "-"}, {"tom", "Tom\tOkafor"}}
	assert.Equal(t, ""+
		"NAME  TITLE       ROLE\n"+
		"chen  陈晓        operator\n"+
		"ines  Ine\u0302s        -\n"+
		"tom   Tom Okafor\n", rows.String())
}

func TestSpansAreToldInTwoUnits(t *testing.T) {
	t.Parallel()
	cases := map[time.Duration]string{
		0:                             "now",
		-900 * time.Millisecond:       "now",
		90 * time.Second:              "in 1m 30s",
		-time.Second:                  "1s ago",
		time.Hour:                     "in 1h 0m",
		-(49*time.Hour + time.Minute): "2d 1h ago",
	}
	for d, want := range cases {
		assert.Equal(t, want, away(d), d)
	}
}

func TestTimesWithoutAZoneAreInThatOfTheReader(t *testing.T) {
	t.Parallel()
	e := newEnv(nil, nil, nil, func(string) string { return "Europe/Berlin" })
	cases := map[string]string{
		"2026-12-24":                "2026-12-23T23:00:00Z",
		"2026-07-24T09:30":          "2026-07-24T07:30:00Z",
		"2026-07-24T09:30:15":       "2026-07-24T07:30:15Z",
		"2026-12-24T09:00:00-05:00": "2026-12-24T14:00:00Z",
	}
	for text, want := range cases {
		got, err := e.instant("from", text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got.UTC().Format(time.RFC3339), text)
	}
}

// values draws whatever JSON can say.
func values() *rapid.Generator[any] {
	scalars := rapid.OneOf(
		rapid.Just[any](nil),
		rapid.Bool().AsAny(),
		rapid.String().AsAny(),
		rapid.SampledFrom([]any{"", "yes", "null", "12", "1e3", "2026-12-24", "- a", "a: b", "# c", " x", "é\n\nf ", "😀", "0x1F", "~", "!!int"}),
		rapid.Int32().AsAny(),
		rapid.Float64Range(-1e6, 1e6).AsAny())
	lists := rapid.SliceOfN(scalars, 0, 3).AsAny()
	return rapid.OneOf(scalars, lists, rapid.MapOfN(rapid.String(), rapid.OneOf(scalars, lists), 0, 4).AsAny())
}

func TestYAMLAndJSONSayTheSame(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(map[string]any{"value": values().Draw(t, "value")})
		require.NoError(t, err)
		asYAML, err := yamlOf(text)
		require.NoError(t, err)
		var back any
		require.NoError(t, yaml.Unmarshal(asYAML, &back), "%s", asYAML)
		backText, err := json.Marshal(back)
		require.NoError(t, err, "%s", asYAML)
		assert.JSONEq(t, string(text), string(backText), "%s", asYAML)
	})
}

func TestYAMLKeepsOrderAndEscapedCharacters(t *testing.T) {
	t.Parallel()
	got, err := yamlOf([]byte(`{"z": "\ud83d\ude00", "a": [], "m": {}, "list": [1, {"n": null}]}`))
	require.NoError(t, err)
	assert.Equal(t, "z: \"\\U0001F600\"\na: []\nm: {}\nlist:\n  - 1\n  - n: null\n", string(bytes.ReplaceAll(got, []byte("😀"), []byte(`"\U0001F600"`))))
}
