package main

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

// The exit codes; `steward help exit-codes` explains them.
const (
	exitDone        = 0
	exitRefused     = 1
	exitUsage       = 2
	exitUnavailable = 3
)

// usageError is a command line that makes no sense.
type usageError string

func (u usageError) Error() string { return string(u) }

func usagef(format string, args ...any) error { return usageError(fmt.Sprintf(format, args...)) }

// refusal is a server's answer that is not a success.
type refusal struct{ api.Problem }

func (r *refusal) Error() string {
	detail := r.Detail
	if detail == "" {
		detail = r.Title
	}
	return r.Code + ": " + detail
}

// finish tells people of an error and gives the exit code. It is the one place
// that does either.
func (e *env) finish(err error) int {
	if err == nil {
		return exitDone
	}
	code := e.exitCode(err)
	fmt.Fprintf(e.errOut, "steward: %s\n", printable(err.Error()))
	e.tellFaults(err)
	switch {
	case code == exitUsage:
		fmt.Fprintln(e.errOut, "Add --help to see how a command is used.")
	case code == exitUnavailable && e.keyed:
		e.tellAgain()
	}
	return code
}

func (e *env) exitCode(err error) int {
	var usage usageError
	var refused *refusal
	var known *itsm.Error
	switch {
	case !e.started || errors.As(err, &usage):
		return exitUsage
	case errors.As(err, &refused) && refused.Status >= http.StatusInternalServerError:
		return exitUnavailable
	case errors.As(err, &known) && known.Code.Class() == itsm.ClassUnavailable:
		return exitUnavailable
	default:
		return exitRefused
	}
}

// tellFaults lists every single fault behind an error, those in files in the
// form that editors and terminals make links of.
func (e *env) tellFaults(err error) {
	var refused *refusal
	var known *itsm.Error
	switch {
	case errors.As(err, &refused):
		for _, fault := range refused.Errors {
			fmt.Fprintln(e.errOut, printable(faultLine(fault, refused.Detail)))
		}
		if refused.Status >= http.StatusInternalServerError && refused.RequestId != "" {
			fmt.Fprintf(e.errOut, "  The server's log has more under request %s.\n", printable(refused.RequestId))
		}
	case errors.As(err, &known):
		for _, field := range known.Fields {
			fmt.Fprintln(e.errOut, printable(faultLine(api.Fault{Field: field.Field, Code: string(field.Code), Message: field.Message}, known.Message)))
		}
	}
}

// faultLine tells one fault; what the error as a whole said already is not said
// again.
func faultLine(f api.Fault, told string) string {
	what := f.Code + ": " + f.Message
	if f.Message == told && f.Field != "" {
		return "  at " + f.Field
	}
	switch {
	case f.File != "" && f.Line > 0:
		return fmt.Sprintf("%s:%d:%d: %s", f.File, f.Line, f.Column, what)
	case f.File != "":
		return f.File + ": " + what
	case f.Field != "":
		return "  " + f.Field + ": " + what
	default:
		return "  " + what
	}
}

// tellAgain says how to send a command again whose fate is unknown.
func (e *env) tellAgain() {
	with := ""
	if e.fromPipe {
		with = " with the same standard input"
	}
	fmt.Fprintf(e.errOut, "It is not known whether the command was recorded. Run it again like this%s; it counts once:\n  %s\n", with, e.againLine())
}

// againLine is the command line with its key, for a shell. It never shows a
// token.
func (e *env) againLine() string {
	words := []string{"steward"}
	secret := false
	for _, arg := range e.args {
		switch {
		case secret:
			arg, secret = `"$STEWARD_TOKEN"`, false
		case strings.HasPrefix(arg, "--token="):
			arg = `--token="$STEWARD_TOKEN"`
		default:
			secret = arg == "--token"
			arg = quote(arg)
		}
		words = append(words, arg)
	}
	for _, arg := range e.again {
		words = append(words, quote(arg))
	}
	return strings.Join(words, " ")
}

var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// quote writes a word so that a shell reads it as one.
func quote(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
