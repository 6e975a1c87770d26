package itsm_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/steward-itsm/steward/itsm"
)

// declaredCodes reads every constant of type Code from the source.
func declaredCodes(t *testing.T) []itsm.Code {
	file, err := parser.ParseFile(token.NewFileSet(), "error.go", nil, 0)
	require.NoError(t, err)
	var codes []itsm.Code
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if typ, ok := spec.Type.(*ast.Ident); ok && typ.Name == "Code" {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			codes = append(codes, itsm.Code(text))
		}
		return true
	})
	return codes
}

func TestEveryCodeHasAClassAndIsItsOwn(t *testing.T) {
	t.Parallel()
	declared := declaredCodes(t)
	require.NotEmpty(t, declared)
	assert.ElementsMatch(t, declared, itsm.Codes())
	for _, code := range declared {
		assert.Regexp(t, `^[a-z]+(_[a-z]+)*(\.[a-z]+(_[a-z]+)*)?$`, string(code))
	}
	assert.Equal(t, itsm.ClassInternal, itsm.Code("never heard of").Class())
}

func TestCodeIsFoundThroughWhatWrapsIt(t *testing.T) {
	t.Parallel()
	err := itsm.FieldErrorf(itsm.CodeInvalid, "/subject/amount", "amount is %d; write more than 0", -1)
	wrapped := fmt.Errorf("starting: %w", err)
	assert.Equal(t, itsm.CodeInvalid, itsm.ErrorCode(wrapped))
	assert.Equal(t, "invalid: amount is -1; write more than 0", err.Error())
	assert.Equal(t, []itsm.FieldError{{Field: "/subject/amount", Code: itsm.CodeInvalid, Message: err.Message}}, err.Fields)
	assert.Equal(t, itsm.CodeInternal, itsm.ErrorCode(errors.New("disk on fire")))
	assert.Empty(t, itsm.ErrorCode(nil))
}
