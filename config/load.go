package config

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/steward-itsm/steward/itsm"
)

const (
	envPrefix     = "STEWARD_"
	secretsPrefix = "secrets."
)

// defaults lists every setting; what is not here is unknown.
var defaults = map[string]any{
	"listen":                "127.0.0.1:8087",
	"publicURL":             "",
	"data":                  "./steward-data",
	"database.url":          "",
	"database.maxConns":     20,
	"temporal.address":      "",
	"temporal.namespace":    "steward",
	"temporal.taskQueue":    "steward",
	"temporal.tls.certFile": "",
	"temporal.tls.keyFile":  "",
	"temporal.tls.caFile":   "",
	"temporal.apiKey":       "",
	"log.level":             "info",
	"log.format":            "text",
	"limits.bodyBytes":      1 << 20,
	"limits.requestTimeout": 30 * time.Second,
	"notify.log":            true,
	"notify.smtp.address":   "",
	"notify.smtp.from":      "",
	"notify.smtp.username":  "",
	"notify.smtp.password":  "",
	"notify.smtp.tls":       "starttls",
	"notify.webhookSecret":  "",
	"notify.timeout":        10 * time.Second,
}

// Load reads the settings from the file, unless path is empty, from the
// environment, and from the flags that have a setting's name; flags may be
// nil. All faults are reported at once as one *itsm.Error, each field by its
// key ("database.url").
func Load(path string, flags *pflag.FlagSet) (Config, error) {
	v := viper.New()
	for key, value := range defaults {
		v.SetDefault(key, value)
	}
	if err := readFile(v, path); err != nil {
		return Config{}, err
	}
	if err := bind(v, flags); err != nil {
		return Config{}, err
	}
	var c Config
	faults := unknownKeys(v)
	faults = append(faults, decode(v, &c)...)
	if len(faults) == 0 {
		c.complete()
		faults = c.check()
	}
	return c, faultsError(faults)
}

func readFile(v *viper.Viper, path string) error {
	if path == "" {
		return nil
	}
	v.SetConfigFile(path)
	v.SetConfigType("yaml")
	if err := v.ReadInConfig(); err != nil {
		return itsm.Errorf(itsm.CodeInvalid, "the settings in %s cannot be read: %v", path, err)
	}
	return nil
}

// bind connects every setting to its variable and flag, and every variable
// STEWARD_SECRETS_NAME to the secret "name".
func bind(v *viper.Viper, flags *pflag.FlagSet) error {
	for key := range defaults {
		name := flagName(key)
		if err := v.BindEnv(key, envPrefix+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))); err != nil {
			return fmt.Errorf("binding setting %s to the environment: %w", key, err)
		}
		if flags == nil || flags.Lookup(name) == nil {
			continue
		}
		if err := v.BindPFlag(key, flags.Lookup(name)); err != nil {
			return fmt.Errorf("binding setting %s to its flag: %w", key, err)
		}
	}
	for _, variable := range os.Environ() {
		name, value, _ := strings.Cut(variable, "=")
		if secret, ok := strings.CutPrefix(name, envPrefix+"SECRETS_"); ok {
			v.Set(secretsPrefix+strings.ToLower(secret), value)
		}
	}
	return nil
}

var hump = regexp.MustCompile(`([a-z0-9])([A-Z])`)

// flagName turns "limits.bodyBytes" into "limits-body-bytes".
func flagName(key string) string {
	return strings.ToLower(strings.ReplaceAll(hump.ReplaceAllString(key, "$1-$2"), ".", "-"))
}

// unknownKeys finds what nobody will ever read: most likely typing errors.
func unknownKeys(v *viper.Viper) []itsm.FieldError {
	var faults []itsm.FieldError
	for _, key := range v.AllKeys() {
		if canonical(key) == "" && !strings.HasPrefix(key, secretsPrefix) {
			faults = append(faults, fault(key, "there is no such setting; check its spelling"))
		}
	}
	return faults
}

// canonical gives a setting's name as documented, or "" if there is none.
func canonical(key string) string {
	for known := range defaults {
		if strings.EqualFold(known, key) {
			return known
		}
	}
	return ""
}

func decode(v *viper.Viper, c *Config) []itsm.FieldError {
	err := v.Unmarshal(c, viper.DecodeHook(mapstructure.ComposeDecodeHookFunc(
		mapstructure.StringToTimeDurationHookFunc(),
		mapstructure.TextUnmarshallerHookFunc(),
	)))
	wrong := decodeErrors(err)
	if err != nil && len(wrong) == 0 {
		return []itsm.FieldError{fault("", "the settings do not have the right shape")}
	}
	var faults []itsm.FieldError
	for _, name := range wrong {
		if key := canonical(name); key != "" {
			faults = append(faults, fault(key, "has a value of the wrong kind: expected one such as %v", defaults[key]))
		} else if strings.HasPrefix(name, "Secrets") {
			faults = append(faults, fault(name, "must be text"))
		} // else a value where a group belongs, an unknown key already
	}
	return faults
}

// decodeErrors names the fields at fault in a tree of errors.
func decodeErrors(err error) []string {
	if one, ok := err.(*mapstructure.DecodeError); ok { //nolint:errorlint // walks the tree itself
		return []string{one.Name()}
	}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var names []string
		for _, e := range many.Unwrap() {
			names = append(names, decodeErrors(e)...)
		}
		return names
	}
	if inner := errors.Unwrap(err); inner != nil {
		return decodeErrors(inner)
	}
	return nil
}

// complete fills what follows from other settings.
func (c *Config) complete() {
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
}

func fault(key, format string, args ...any) itsm.FieldError {
	return itsm.FieldError{Field: key, Code: itsm.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

// faultsError makes one error of all faults; nil if there are none.
func faultsError(faults []itsm.FieldError) error {
	if len(faults) == 0 {
		return nil
	}
	slices.SortFunc(faults, func(a, b itsm.FieldError) int { return strings.Compare(a.Field, b.Field) })
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = f.Field + ": " + f.Message
	}
	err := itsm.Errorf(itsm.CodeInvalid, "settings to correct: %s", strings.Join(lines, "; "))
	err.Fields = faults
	return err
}
