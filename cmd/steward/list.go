package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// largestPage is how much is asked for at once; the API would give more.
const largestPage = 200

// listOptions says how much of a list is wanted.
type listOptions struct {
	limit int
	all   bool
}

func (o *listOptions) addFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&o.limit, "limit", 20, "show at most `N`")
	cmd.Flags().BoolVar(&o.all, "all", false, "show all there are")
	cmd.MarkFlagsMutuallyExclusive("limit", "all")
}

// gather reads pages until there is as much as is wanted. The cursor that it
// gives back is empty where nothing is left.
func gather[T any](o listOptions, fetch func(cursor *string, limit int) ([]T, string, error)) ([]T, string, error) {
	if o.limit < 1 {
		return nil, "", usagef("--limit must be 1 or more")
	}
	items := []T{}
	var cursor *string
	for {
		limit := largestPage
		if !o.all {
			limit = min(limit, o.limit-len(items))
		}
		page, next, err := fetch(cursor, limit)
		if err != nil {
			return nil, "", err
		}
		items = append(items, page...)
		if next == "" || (!o.all && len(items) >= o.limit) {
			return items, next, nil
		}
		cursor = &next
	}
}

// tellMore says that a list goes on.
func (e *env) tellMore(shown int, next string) {
	if next != "" {
		fmt.Fprintf(e.errOut, "The first %d; there are more (--limit N, --all).\n", shown)
	}
}

// optional gives nil for what was not said.
func optional[T ~string](value T) *T {
	if value == "" {
		return nil
	}
	return &value
}
