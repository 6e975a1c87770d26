package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// docsTimeout bounds one page.
const docsTimeout = 2 * time.Minute

// TestDocsShowWhatHappens runs the commands of every page in order, in one
// shell a page, against a `steward dev` of its own, and compares the output.
func TestDocsShowWhatHappens(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, path := range docsPages(t) {
		commands, _ := docsCommands(t, path)
		if len(commands) == 0 {
			continue
		}
		ran++
		t.Run(strings.TrimPrefix(path, "../../"), func(t *testing.T) {
			t.Parallel()
			newDocsShell(t).run(path, commands)
		})
	}
	assert.GreaterOrEqual(t, ran, 6, "the pages lost their commands")
}

func TestDocsSayWhyABlockIsNotRun(t *testing.T) {
	t.Parallel()
	run, left := 0, 0
	for _, path := range docsPages(t) {
		commands, reasons := docsCommands(t, path)
		run, left = run+len(commands), left+len(reasons)
		for _, reason := range reasons {
			assert.GreaterOrEqual(t, len(strings.Fields(reason)), 3, "%s: %q is no reason", path, reason)
		}
	}
	assert.Less(t, left*5, run, "what is not run is the exception")
}

func TestDocsComparisonSeesADifference(t *testing.T) {
	t.Parallel()
	for want, got := range map[string]string{
		"APR-1 approved (event 4)":                        "APR-1 approved (event 7)",
		"opened 2026-11-28 14:21:08 CET (2s ago)\n…\nend": "opened   2027-01-01 00:00:00 UTC (1h 2m ago)\na\nb\nend",
		"{\"process\": …}":                                "{\"process\": \"APR-1\"}",
		"…\nend":                                          "end",
	} {
		assert.Regexp(t, docsPattern(want), docsPlain(got))
	}
	for want, got := range map[string]string{
		"APR-1 approved": "APR-1 rejected",
		"one\n…\nend":    "one\ntwo",
		"":               "something",
		"APR-1":          "APR-1\nmore",
	} {
		assert.NotRegexp(t, docsPattern(want), docsPlain(got))
	}
}

// docsPages lists the pages whose commands are run. The manual of the command
// line is made of the commands' own help.
func docsPages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	pages = append(pages, "../../README.md", "../../examples/README.md")
	kept := pages[:0]
	for _, path := range pages {
		if path != manualPath {
			kept = append(kept, path)
		}
	}
	require.NotEmpty(t, kept)
	return kept
}

// docsCommand is a command of a page, and what the page says that it prints.
type docsCommand struct {
	line     int
	text     string
	compared bool
	want     string
}

var docsBlock = regexp.MustCompile("(?ms)^(?:<!-- not run: (.*?) -->\\n+)?^```(\\w+)\\n(.*?)^```$")

// docsCommands reads a page. A block marked `sh` is one command whose output is
// not told; in one marked `console` a command follows each "$ ", goes on after
// "> ", and its output comes below. It also gives the reasons for blocks left out.
func docsCommands(t *testing.T, path string) (commands []docsCommand, reasons []string) {
	t.Helper()
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	marks := bytes.Count(page, []byte("<!-- not run"))
	for _, at := range docsBlock.FindAllSubmatchIndex(page, -1) {
		group := func(n int) string { return string(page[max(at[2*n], 0):max(at[2*n+1], 0)]) }
		line := 1 + bytes.Count(page[:at[6]], []byte("\n"))
		switch language, text := group(2), group(3); {
		case at[2] >= 0:
			reasons = append(reasons, group(1))
		case language == "sh":
			commands = append(commands, docsCommand{line: line, text: text})
		case language == "console":
			require.Regexp(t, `^\$ `, text, "%s:%d: a console block begins with a command", path, line)
			commands = append(commands, consoleCommands(line, text)...)
		}
	}
	require.Len(t, reasons, marks, "%s: each mark stands right before its block", path)
	return commands, reasons
}

func consoleCommands(line int, block string) []docsCommand {
	var commands []docsCommand
	for i, text := range strings.Split(strings.TrimSuffix(block, "\n"), "\n") {
		if command, ok := strings.CutPrefix(text, "$ "); ok {
			commands = append(commands, docsCommand{line: line + i, text: command, compared: true})
			continue
		}
		last := &commands[len(commands)-1]
		if more, ok := strings.CutPrefix(text, "> "); ok && last.want == "" {
			last.text += "\n" + more
			continue
		}
		last.want += text + "\n"
	}
	return commands
}

// docsShell is where the commands of one page run: a folder with the examples,
// and a `steward` that is this very test binary.
type docsShell struct {
	t       *testing.T
	dir     string
	dev     *devProcess
	control string // asking it starts steward dev, and gives what that prints
}

func newDocsShell(t *testing.T) *docsShell {
	t.Helper()
	_, err := exec.LookPath("curl")
	require.NoError(t, err, "install curl, which the pages use; make test does")
	s := &docsShell{t: t, dir: t.TempDir(), dev: &devProcess{t: t, address: freeAddress(t), output: &bytes.Buffer{}}}
	require.NoError(t, os.CopyFS(filepath.Join(s.dir, "examples"), os.DirFS("../../examples")))
	wrapper := fmt.Sprintf("#!/usr/bin/env bash\nif [[ $* == dev ]]; then exec curl -fsS \"$DOCS_CONTROL\"; fi\n%s=1 exec %q \"$@\"\n", actAsSteward, os.Args[0])
	require.NoError(t, os.MkdirAll(filepath.Join(s.dir, "bin"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "bin", "steward"), []byte(wrapper), 0o700))
	control := httptest.NewServer(http.HandlerFunc(s.startDev))
	s.control = control.URL
	t.Cleanup(func() {
		control.Close()
		s.dev.kill(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("steward dev wrote:\n%s", s.dev.output)
		}
	})
	return s
}

// startDev starts steward dev, also where a page has just killed it, and
// answers with what it prints when it is ready.
func (s *docsShell) startDev(w http.ResponseWriter, _ *http.Request) {
	s.dev.kill(syscall.SIGKILL) // waits for one that a page has killed
	out, err := os.Create(filepath.Join(s.dir, "dev.out"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer func() { _ = out.Close() }()
	cmd := steward(context.WithoutCancel(s.t.Context()), "dev")
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, out, s.dev.output
	cmd.Env = append(cmd.Env, "STEWARD_LISTEN="+s.dev.address, "STEWARD_LOG_LEVEL=warn")
	if err := cmd.Start(); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	s.dev.mutex.Lock()
	s.dev.cmd = cmd
	s.dev.mutex.Unlock()
	if !assert.Eventually(s.t, s.dev.ready, time.Minute, 20*time.Millisecond, "steward dev is not ready") {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	printed, err := os.ReadFile(out.Name())
	assert.NoError(s.t, err)
	_, _ = w.Write(printed)
}

// run runs the commands of a page in one shell and compares what they print. A
// page that does not start Steward itself finds it running.
func (s *docsShell) run(path string, commands []docsCommand) {
	s.t.Helper()
	var script strings.Builder
	script.WriteString("set -euo pipefail\nexec 2>&1\ngo() { [[ $* == 'run ./cmd/steward dev' ]] && steward dev; }\n")
	if page, err := os.ReadFile(path); err != nil || !bytes.Contains(page, []byte("\n$ go run ./cmd/steward dev\n")) {
		script.WriteString("steward dev >/dev/null\n")
	}
	for i, command := range commands {
		fmt.Fprintf(&script, "printf '\\n@@%d\\n'\n%s\n", i, command.text)
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), docsTimeout)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "-c", script.String())
	shell.Dir, shell.WaitDelay = s.dir, time.Second
	shell.Env = []string{
		"PATH=" + filepath.Join(s.dir, "bin") + ":" + os.Getenv("PATH"), "HOME=" + s.dir, "TZ=Europe/Berlin", "LC_ALL=C.UTF-8",
		"STEWARD_URL=" + s.dev.url(), "DOCS_CONTROL=" + s.control,
	}
	out, err := shell.Output()
	printed := docsPrinted(string(out))
	for i, command := range commands {
		got, began := printed[i]
		if !began {
			break
		}
		if command.compared {
			assert.Regexp(s.t, docsPattern(command.want), docsPlain(got), "%s:%d: %s printed:\n%s", path, command.line, command.text, got)
		}
	}
	if err != nil && len(printed) > 0 {
		last := len(printed) - 1
		require.NoError(s.t, err, "%s:%d: %s printed:\n%s", path, commands[last].line, commands[last].text, printed[last])
	}
	require.NoError(s.t, err, "%s", out)
}

var docsMark = regexp.MustCompile(`(?m)^@@(\d+)\n`)

// docsPrinted cuts a shell's output into what each command printed.
func docsPrinted(out string) map[int]string {
	printed := map[int]string{}
	marks := docsMark.FindAllStringSubmatchIndex(out, -1)
	for i, mark := range marks {
		end := len(out)
		if i+1 < len(marks) {
			end = marks[i+1][0] - 1 // the line break that comes with a mark
		}
		n, _ := strconv.Atoi(out[mark[2]:mark[3]]) // digits, by the pattern
		printed[n] = out[mark[1]:max(mark[1], end)]
	}
	return printed
}

// docsMasks is what differs from run to run, each with a word in its place.
var docsMasks = []struct {
	pattern *regexp.Regexp
	word    string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d| [A-Z]{3,5})?`), "TIME"},
	{regexp.MustCompile(`(?m)^\d+ +TIME`), "N TIME"},
	{regexp.MustCompile(`\((now|in [^()]*|[^()]* ago)\)`), "(WHEN)"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`\b(tok_|stw_)[\w-]+`), "TOKEN"},
	{regexp.MustCompile(`\b[0-9a-f]{12,64}\b`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "KEY"},
	{regexp.MustCompile(`\b[A-Z2-7]{26}\b`), "REQUEST"},
	{regexp.MustCompile(`("event": ?|\bevents? +)\d+|\b\d+ events\b`), "EVENTS"}, // notifications come when they come
	{regexp.MustCompile(`(?m)[ \t]+$`), ""},
	{regexp.MustCompile(` {2,}`), " "}, // columns are as wide as what is in them
}

// docsPlain puts words in the place of what differs from run to run.
func docsPlain(text string) string {
	text = strings.Trim(text, "\n") + "\n"
	for _, mask := range docsMasks {
		text = mask.pattern.ReplaceAllString(text, mask.word)
	}
	return text
}

// docsPattern makes a pattern of expected output. A line "…" stands for any
// lines, or none, and a "…" in a line for any text.
func docsPattern(want string) string {
	pattern := regexp.QuoteMeta(docsPlain(want))
	pattern = regexp.MustCompile(`(?m)^…\n`).ReplaceAllString(pattern, "(?:.*\n)*")
	return "^" + strings.ReplaceAll(pattern, "…", ".*") + "$"
}

// TestDocsManualCommandsParse reads the examples of every command's help as a
// shell does, and has each `steward` in them understood up to its flags.
func TestDocsManualCommandsParse(t *testing.T) {
	t.Parallel()
	var script strings.Builder
	script.WriteString("steward() { printf '%s\\x1f' \"$@\" >&3; printf '\\n' >&3; }\n")
	for _, example := range manualExamples() {
		script.WriteString("( " + example + "\n) 3>&3 >/dev/null 2>&1 </dev/null || true\n")
	}
	shell := exec.CommandContext(t.Context(), "bash", "-c", script.String())
	shell.Dir = t.TempDir()
	read, write, err := os.Pipe()
	require.NoError(t, err)
	shell.ExtraFiles = []*os.File{write}
	require.NoError(t, shell.Start())
	require.NoError(t, write.Close())
	lines, err := io.ReadAll(read)
	require.NoError(t, err)
	require.NoError(t, shell.Wait())
	seen := strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n")
	require.Greater(t, len(seen), 30)
	for _, line := range seen {
		args := strings.Split(strings.TrimSuffix(line, "\x1f"), "\x1f")
		got := newShell(t).run(append(args, "--help")...)
		assert.Equal(t, exitDone, got.code, "steward %s: %s", strings.Join(args, " "), got.errOut)
	}
}

// manualExamples lists the lines of all examples.
func manualExamples() []string {
	var lines []string
	eachCommand(tree(), func(cmd *cobra.Command) {
		for line := range strings.Lines(cmd.Example) {
			lines = append(lines, strings.TrimSpace(line))
		}
	})
	return lines
}
