package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// DirLock is the sole right to use a data folder.
type DirLock struct{ file *os.File }

// Lock takes the folder for this process, and creates it if need be. It fails
// at once, naming the process, when another one has it. The kernel gives the
// lock back when the process dies, however it dies.
func Lock(dir string) (*DirLock, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("creating data folder: %w", err)
	}
	file, err := os.OpenFile(filepath.Join(dir, "steward.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock of data folder %q: %w", dir, err)
	}
	lock := &DirLock{file: file}
	if err := lock.take(dir); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return lock, nil
}

func (l *DirLock) take(dir string) error {
	err := syscall.Flock(int(l.file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return fmt.Errorf("data folder %q is in use by %s; stop it, or choose another with --data", dir, l.holder())
	}
	if err != nil {
		return fmt.Errorf("locking data folder %q: %w", dir, err)
	}
	if err := l.file.Truncate(0); err != nil {
		return fmt.Errorf("clearing the lock of data folder %q: %w", dir, err)
	}
	if _, err := l.file.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		return fmt.Errorf("signing the lock of data folder %q: %w", dir, err)
	}
	return nil
}

// holder names who has the lock, as far as can be told: it may not have signed yet.
func (l *DirLock) holder() string {
	text, err := io.ReadAll(io.LimitReader(l.file, 32))
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return "process " + pid
	}
	return "another process"
}

// Unlock gives the folder back. The file stays: removing it would let two
// processes lock two files of the same name.
func (l *DirLock) Unlock() error {
	if err := l.file.Close(); err != nil {
		return fmt.Errorf("unlocking the data folder: %w", err)
	}
	return nil
}
