package notify

import (
	"context"
	"log/slog"
)

// logbook is the channel of last resort, and the whole of it while trying
// things out. The event's data stays out: a log has more readers than a case.
type logbook struct{ log *slog.Logger }

func (*logbook) Name() string { return ChannelLog }

func (l *logbook) Send(ctx context.Context, m Message, to Target) error {
	l.log.InfoContext(ctx, "notification",
		"id", m.ID, "process", m.Process, "kind", m.Kind,
		"to", to.Person.Person, "title", m.Title, "link", m.Link)
	return nil
}
