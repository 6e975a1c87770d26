package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/text/width"
)

// table lines up rows for people. It is not text/tabwriter, which takes a
// Chinese character for as wide as a Latin one.
type table [][]string

func (t *table) row(cells ...string) { *t = append(*t, cells) }

// write writes the rows with their columns lined up.
func (t *table) write(w io.Writer) {
	fmt.Fprint(w, t.String())
}

// String lines up the columns, two spaces apart. Rows may have any number of
// cells; each takes one line.
func (t *table) String() string {
	var widths []int
	for _, row := range *t {
		for i := range row {
			row[i] = strings.ReplaceAll(printable(row[i]), "\n", " ")
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], columns(row[i]))
		}
	}
	var text strings.Builder
	for _, row := range *t {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString(cell + strings.Repeat(" ", widths[i]-columns(cell)+2))
		}
		text.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return text.String()
}

// columns counts the places that a text takes on a terminal.
func columns(text string) int {
	n := 0
	for _, r := range text {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			if !unicode.Is(unicode.Mn, r) {
				n++
			}
		}
	}
	return n
}

// printable takes out of a text what would steer a terminal: other people
// wrote it. Lines stay.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			return r
		case r == '\t':
			return ' '
		default:
			return unicode.ReplacementChar
		}
	}, text)
}
