//go:build unix

package pgtest

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// server is a throwaway PostgreSQL server that listens on a socket in a folder
// that only its user can open. It does not survive the test's process, however
// that ends: a guard waits for the end of a pipe from it, and cleans up.
type server struct {
	binaries string // the folder of initdb and pg_ctl
	folder   string
	user     *syscall.Credential // who runs it; nil for whoever runs the test
	guard    *exec.Cmd
	alive    io.Closer // closed by us, or by the kernel when the process is gone
}

func startServer() (*server, error) {
	binaries, err := findBinaries()
	if err != nil {
		return nil, err
	}
	s := &server{binaries: binaries}
	if err := s.makeFolder(); err != nil {
		return nil, err
	}
	if err := s.startGuard(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(s.folder))
	}
	err = s.run("initdb", "-D", s.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	if err == nil {
		err = s.control(s.startArgs()...)
	}
	if err != nil {
		s.remove()
		return nil, err
	}
	return s, nil
}

func findBinaries() (string, error) {
	places, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well-formed
	if path, err := exec.LookPath("pg_ctl"); err == nil {
		places = append(places, filepath.Dir(path))
	}
	for _, place := range slices.Backward(places) { // the newest of Debian's last
		if _, err := os.Stat(filepath.Join(place, "initdb")); err == nil {
			return place, nil
		}
	}
	return "", errors.New("initdb and pg_ctl are not installed")
}

// makeFolder also decides on the user, since PostgreSQL refuses to run as root.
func (s *server) makeFolder() (err error) {
	if s.folder, err = os.MkdirTemp("", "steward-pg-"); err != nil {
		return err
	}
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return fmt.Errorf("finding an unprivileged user: %w", err)
		}
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		return err
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		return err
	}
	s.user = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(s.folder, int(uid), int(gid))
}

// startGuard needs a session of its own, or an interrupt at the terminal would
// end the guard together with the test.
func (s *server) startGuard() error {
	const script = `read -r _; "$0/pg_ctl" -D "$1/data" -m immediate stop; rm -rf "$1"`
	s.guard = exec.Command("sh", "-c", script, s.binaries, s.folder)
	s.guard.Dir = s.folder
	s.guard.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Credential: s.user}
	pipe, err := s.guard.StdinPipe()
	if err != nil {
		return err
	}
	s.alive = pipe
	return s.guard.Start()
}

// remove stops the server and deletes its folder.
func (s *server) remove() {
	_ = s.alive.Close()
	_ = s.guard.Wait() // fails where the server was stopped before, which is fine
	_ = os.RemoveAll(s.folder)
}

func (s *server) data() string { return filepath.Join(s.folder, "data") }

func (s *server) url() string {
	query := url.Values{"host": {s.folder}, "sslmode": {"disable"}}
	return "postgres://postgres@/postgres?" + query.Encode()
}

// startArgs trades safety in a power cut, which no test needs, for speed.
func (s *server) startArgs() []string {
	options := "-c listen_addresses='' -c unix_socket_directories='" + s.folder + "' -c fsync=off -c full_page_writes=off -c max_connections=400"
	return []string{"start", "-w", "-l", filepath.Join(s.folder, "log"), "-o", options}
}

func (s *server) control(args ...string) error {
	return s.run("pg_ctl", append([]string{"-D", s.data()}, args...)...)
}

// run keeps what the program prints in a file and not in a pipe, which the
// server would inherit and hold open.
func (s *server) run(program string, args ...string) error {
	said, err := os.CreateTemp(s.folder, program)
	if err != nil {
		return err
	}
	defer func() { _ = said.Close() }()
	cmd := exec.Command(filepath.Join(s.binaries, program), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.folder, said, said
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.user}
	if err := cmd.Run(); err != nil {
		text, _ := os.ReadFile(said.Name())
		return fmt.Errorf("%s: %w: %s", program, err, text)
	}
	return nil
}
