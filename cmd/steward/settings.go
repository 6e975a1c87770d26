package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/config"
)

// settingFlags are the settings that the running commands have flags for, with
// what their help says. All others are read from the file and the environment.
var settingFlags = map[string]string{
	"listen":             "host:port to answer the API on (default 127.0.0.1:8087)",
	"public-url":         "URL under which people reach the API, for links in messages",
	"data":               "folder of the data files (default ./steward-data)",
	"database-url":       "postgres://… (default: SQLite in the data folder)",
	"temporal-address":   "host:port of Temporal's frontend",
	"temporal-namespace": "Temporal namespace (default steward)",
	"log-level":          "debug, info, warn or error (default info)",
	"log-format":         "text or json (default text)",
	"notify-log":         "write notifications to the log: true or false (default true)",
}

// addConfigFlags adds --config and the named setting flags to a command.
func addConfigFlags(cmd *cobra.Command, names ...string) {
	cmd.Flags().String("config", "", "YAML file with settings; STEWARD_… variables and flags win over it")
	for _, name := range names {
		cmd.Flags().String(name, "", settingFlags[name])
	}
}

// loadConfig reads the settings of a command. Flags that were not given say nothing.
func loadConfig(cmd *cobra.Command) (config.Config, error) {
	path, err := cmd.Flags().GetString("config")
	if err != nil {
		return config.Config{}, fmt.Errorf("reading --config: %w", err)
	}
	return config.Load(path, cmd.Flags())
}
