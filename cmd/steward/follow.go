package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
)

const (
	// streamSilence is how long a stream may say nothing: three beats.
	streamSilence = 45 * time.Second
	// streamRetry is when to come back to a stream that broke, unless it said.
	streamRetry = 2 * time.Second
	// longestEvent bounds one line of a stream, in bytes.
	longestEvent = 16 << 20
)

// follower shows a stream of events, and comes back to it when it breaks.
type follower struct {
	*env
	cmd    *cobra.Command
	client *apiClient
	params api.StreamEventsParams
	after  int           // the number up to which a process's events are known
	retry  time.Duration // before it comes back
	begun  bool          // there was a stream: from then on a break is no error
	unable bool          // to show what came; then trying again would not help
	id     string        // of what is being read
	data   string
}

// follow shows events as they happen, until it is interrupted.
func (e *env) follow(cmd *cobra.Command, params api.StreamEventsParams, after int) error {
	c, err := e.clientFor(cmd, 0)
	if err != nil {
		return err
	}
	f := &follower{env: e, cmd: cmd, client: c, params: params, after: after, retry: streamRetry}
	ctx := cmd.Context()
	for {
		err := f.read(ctx)
		var refused *refusal
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // whoever follows ended it
		case err != nil && (!f.begun || f.unable || errors.As(err, &refused) && refused.Status < http.StatusInternalServerError):
			return err
		}
		fmt.Fprintln(e.errOut, "steward: the stream broke; going on where it was")
		if pauseFor(ctx, f.retry) != nil {
			return nil //nolint:nilerr // whoever follows ended it
		}
	}
}

// read shows one stream until it breaks. The error says that there was none.
func (f *follower) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	silence := time.AfterFunc(streamSilence, cancel)
	defer silence.Stop()
	resp, err := f.client.StreamEvents(ctx, &f.params)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		reply, err := api.ParseStreamEventsResponse(resp)
		_, err = read(reply, err)
		return err
	}
	f.begun = true
	f.id, f.data = "", ""
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, longestEvent)
	for lines.Scan() {
		silence.Reset(streamSilence)
		if err := f.line(lines.Text()); err != nil {
			return err
		}
	}
	return nil // whatever broke it
}

// line takes one line of a stream. What was read counts at the blank line after
// it: a stream may break anywhere.
func (f *follower) line(text string) error {
	field, value, _ := strings.Cut(text, ": ")
	switch field {
	case "retry":
		if ms, err := strconv.Atoi(value); err == nil {
			f.retry = time.Duration(ms) * time.Millisecond
		}
	case "id":
		f.id = value
	case "data":
		f.data = value
	case "":
		return f.take()
	}
	return nil
}

// take shows an event, and goes on after it from then on.
func (f *follower) take() error {
	if f.data != "" {
		if err := f.show(f.data); err != nil {
			f.unable = true
			return err
		}
	}
	if f.id != "" {
		f.params.LastEventID = new(f.id)
	}
	f.id, f.data = "", ""
	return nil
}

func (f *follower) show(data string) error {
	var envelope itsm.CloudEvent
	var event api.Event
	if json.Unmarshal([]byte(data), &envelope) != nil || json.Unmarshal(envelope.Data, &event) != nil {
		return notSteward("an event that can't be read")
	}
	if event.Number <= f.after {
		return nil
	}
	switch f.cmd.Flag("output").Value.String() {
	case "json": // one line each, so that a program can read them as they come
		_, err := fmt.Fprintf(f.out, "%s\n", envelope.Data)
		return err
	case "yaml":
		fmt.Fprintln(f.out, "---")
	}
	return f.render(f.cmd, event, func(w io.Writer) {
		fmt.Fprintln(w, printable(fmt.Sprintf("%s  %-12s  %-24s  %s  %s", f.clock(event.Time),
			event.Process+"/"+strconv.Itoa(event.Number), event.Type, event.Actor, f.what(event))))
	})
}
