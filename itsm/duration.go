package itsm

// Duration is a span as people write it: "90s", "15m", "8h", "2d", "1w", or
// several of them together, largest first: "1d12h". Days and weeks stay apart
// from the clock's units because a calendar counts them as working days.
type Duration struct {
	Days  int   // calendar days, or working days where a calendar applies; a week is 7 days without a calendar
	Weeks int   // where a calendar applies, as many working days as the calendar has in an ordinary week
	Clock int64 // hours, minutes and seconds together, in seconds
}
