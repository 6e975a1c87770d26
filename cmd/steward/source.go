package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"io/fs"
	"mime/multipart"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// source is a file of definitions.
type source struct {
	name string // as people gave it
	text []byte
}

// sentName is the name that goes over the wire. What takes a form apart drops
// folders from names, so the slashes are hidden.
func (s source) sentName() string { return url.PathEscape(s.name) }

// sources reads files, folders and, for "-", standard input.
func (e *env) sources(paths []string) ([]source, error) {
	var all []source
	for _, path := range paths {
		found, err := e.sourcesAt(path)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func (e *env) sourcesAt(path string) ([]source, error) {
	if path == "-" {
		text, err := e.stdin()
		return []source{{name: "-", text: text}}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, usagef("-f: %v", err)
	}
	names := []string{path}
	if info.IsDir() {
		if names, err = definitionFiles(path); err != nil {
			return nil, err
		}
	}
	sources := make([]source, len(names))
	for i, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, usagef("-f: %v", err)
		}
		sources[i] = source{name: name, text: text}
	}
	return sources, nil
}

// definitionFiles lists what a folder holds, in the order of names.
func definitionFiles(dir string) ([]string, error) {
	var names []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		hidden := path != dir && strings.HasPrefix(entry.Name(), ".")
		switch {
		case err != nil:
			return err
		case hidden && entry.IsDir():
			return filepath.SkipDir
		case !hidden && !entry.IsDir() && slices.Contains([]string{".yaml", ".yml", ".json"}, filepath.Ext(path)):
			names = append(names, path)
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, usagef("-f: %v", err)
	case len(names) == 0:
		return nil, usagef("-f: %s holds no *.yaml, *.yml or *.json", dir)
	}
	return names, nil
}

// form packs sources as a multipart form. The same files always make the same
// bytes, so that a retry under the same key is told from another command.
func form(sources []source) (body *bytes.Reader, contentType string, err error) {
	var packed bytes.Buffer
	writer := multipart.NewWriter(&packed)
	if err := writer.SetBoundary(boundary(sources)); err != nil {
		return nil, "", err
	}
	for _, s := range sources {
		part, err := writer.CreateFormFile("file", s.sentName())
		if err != nil {
			return nil, "", err
		}
		if _, err := io.Copy(part, bytes.NewReader(s.text)); err != nil {
			return nil, "", err
		}
	}
	if err := writer.Close(); err != nil {
		return nil, "", err
	}
	return bytes.NewReader(packed.Bytes()), writer.FormDataContentType(), nil
}

// boundary is a line that none of the texts holds: it is made of their digest.
func boundary(sources []source) string {
	digest := sha256.New()
	for _, s := range sources {
		_, _ = io.WriteString(digest, s.name+"\x00") // a hash takes everything
		_, _ = digest.Write(s.text)
	}
	return hex.EncodeToString(digest.Sum(nil))
}
