package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

//go:generate go test -tags noembed -run ^TestManualIsUpToDate$ . -update

const manualPath = "../../docs/cli.md"

func TestManualIsUpToDate(t *testing.T) {
	t.Parallel()
	got := manual()
	if *update {
		require.NoError(t, os.WriteFile(manualPath, []byte(got), 0o644))
	}
	want, err := os.ReadFile(manualPath)
	require.NoError(t, err)
	assert.Equal(t, string(want), got, "run make generate")
}

func TestEveryCommandIsExplainedWithAnExample(t *testing.T) {
	t.Parallel()
	eachCommand(tree(), func(cmd *cobra.Command) {
		assert.NotEmpty(t, cmd.Short, cmd.CommandPath())
		assert.False(t, cmd.Hidden, cmd.CommandPath())
		if !cmd.HasSubCommands() && cmd.Runnable() && !strings.Contains(cmd.CommandPath(), "completion") {
			assert.NotEmpty(t, cmd.Example, cmd.CommandPath())
		}
	})
}

func TestHelpExplainsTheExitCodes(t *testing.T) {
	t.Parallel()
	got := newShell(t).run("help", "exit-codes")
	assert.Equal(t, exitDone, got.code)
	assert.Contains(t, got.out, "unreachable")
}

// tree is all commands, with those that cobra adds.
func tree() *cobra.Command {
	root := newRootCommand(newEnv(nil, nil, nil, func(string) string { return "" }))
	root.InitDefaultCompletionCmd()
	return root
}

func eachCommand(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, child := range cmd.Commands() {
		eachCommand(child, do)
	}
}

// manual writes all help pages as one.
func manual() string {
	var page strings.Builder
	page.WriteString("# The command line\n\n<!-- Made of the commands' help by `make generate`; change it there. -->\n")
	eachCommand(tree(), func(cmd *cobra.Command) {
		if cmd.Parent() != nil && cmd.Parent().Name() == "completion" {
			return // cobra's own pages, one a shell
		}
		fmt.Fprintf(&page, "\n## %s\n\n%s\n", cmd.CommandPath(), prose(cmd))
		block(&page, "console", usageOf(cmd))
		block(&page, "console", cmd.Example)
		block(&page, "text", flagsOf(cmd))
	})
	return page.String()
}

func prose(cmd *cobra.Command) string {
	if cmd.Long == "" {
		return cmd.Short + "."
	}
	if strings.Contains(cmd.Long, "\n  ") { // lists keep their shape
		return "```text\n" + cmd.Long + "\n```"
	}
	return strings.ReplaceAll(cmd.Long, "*", `\*`)
}

func usageOf(cmd *cobra.Command) string {
	if cmd.Parent() == nil || !cmd.Runnable() || cmd.HasSubCommands() {
		return ""
	}
	return cmd.UseLine()
}

// flagsOf gives the flags of a command; the global ones are told once, at the
// root. Help is a flag of every command and told of none.
func flagsOf(cmd *cobra.Command) string {
	if cmd.Parent() == nil {
		return cmd.PersistentFlags().FlagUsages()
	}
	return cmd.LocalNonPersistentFlags().FlagUsages()
}

func block(page *strings.Builder, language, text string) {
	text = strings.Trim(text, "\n")
	if text != "" {
		fmt.Fprintf(page, "\n```%s\n%s\n```\n", language, text)
	}
}
