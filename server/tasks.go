package server

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"strings"

	"github.com/steward-itsm/steward/itsm"
	"github.com/steward-itsm/steward/server/api"
	"github.com/steward-itsm/steward/store"
)

const (
	callbackFailed = "failed" // as the contract has it
	unknownMedia   = "application/octet-stream"
	mediaMost      = 127 // bytes; RFC 6838 allows no longer names
)

func (o operations) ClaimTask(ctx context.Context, r api.ClaimTaskRequestObject) (api.ClaimTaskResponseObject, error) {
	receipt, err := o.engine.ClaimTask(ctx, callerOf(ctx).call(given(r.Body).Comment), r.Id)
	if err != nil {
		return nil, err
	}
	return api.ClaimTask200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) ReleaseTask(ctx context.Context, r api.ReleaseTaskRequestObject) (api.ReleaseTaskResponseObject, error) {
	who := callerOf(ctx)
	receipt, err := o.engine.ReleaseTask(ctx, who.call(given(r.Body).Comment), r.Id, who.may(transitionsManage))
	if err != nil {
		return nil, err
	}
	return api.ReleaseTask200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) WorkOnTask(ctx context.Context, r api.WorkOnTaskRequestObject) (api.WorkOnTaskResponseObject, error) {
	receipt, err := o.engine.WorkOnTask(ctx, callerOf(ctx).call(r.Body.Comment), r.Id, workOf(*r.Body))
	if err != nil {
		return nil, err
	}
	return api.WorkOnTask200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

func (o operations) CompleteTask(ctx context.Context, r api.CompleteTaskRequestObject) (api.CompleteTaskResponseObject, error) {
	work := given(r.Body)
	receipt, err := o.engine.CompleteTask(ctx, callerOf(ctx).call(work.Comment), r.Id, workOf(work))
	if err != nil {
		return nil, err
	}
	return api.CompleteTask200JSONResponse{ReceiptJSONResponse: answer(receipt)}, nil
}

// workOf is what somebody did, as the domain has it. A file is named by its
// digest; the engine finds what it is called.
func workOf(w api.TaskWork) itsm.TaskWork {
	work := itsm.TaskWork{Check: w.Check, Result: w.Result, Lessons: w.Lessons}
	for _, one := range w.Evidence {
		work.Evidence = append(work.Evidence, itsm.Evidence{Text: one.Text, Link: one.Link, Digest: one.File})
	}
	for _, one := range w.Actions {
		work.Actions = append(work.Actions, itsm.Action{Title: one.Title, Who: one.Who, Due: utc(one.Due)})
	}
	return work
}

// PutFile keeps a file under the digest of its content, so a retry finds it
// there.
func (o operations) PutFile(ctx context.Context, r api.PutFileRequestObject) (api.PutFileResponseObject, error) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading an upload: %w", err)
	}
	file, err := o.store.PutFile(ctx, store.File{
		Name: strings.ToValidUTF8(r.Params.Name, "�"), Media: uploaded(r.ContentType), Content: content, By: callerOf(ctx).actor, At: o.now(),
	})
	if err != nil {
		return nil, err
	}
	return api.PutFile201JSONResponse{
		Body:    api.File{Digest: file.Digest, Size: file.Size, Name: file.Name},
		Headers: api.PutFile201ResponseHeaders{Location: "/v1/files/" + file.Digest},
	}, nil
}

// uploaded is the media type of a file as its sender gives it, if it is one.
func uploaded(contentType string) string {
	if media, _, err := mime.ParseMediaType(contentType); err == nil && len(media) <= mediaMost {
		return media
	}
	return unknownMedia
}

// GetFile never says what is in a file: a browser that knew would show it, with
// whatever script somebody has put there.
func (o operations) GetFile(ctx context.Context, r api.GetFileRequestObject) (api.GetFileResponseObject, error) {
	file, err := o.store.File(ctx, r.Digest)
	if err != nil {
		return nil, err
	}
	return api.GetFile200ApplicationoctetStreamResponse{
		Body: bytes.NewReader(file.Content), ContentLength: file.Size,
		Headers: api.GetFile200ResponseHeaders{
			ContentDisposition:  mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}),
			XContentTypeOptions: "nosniff",
		},
	}, nil
}

// CallBack tells who reports no more than which process they were called by.
func (o operations) CallBack(ctx context.Context, r api.CallBackRequestObject) (api.CallBackResponseObject, error) {
	receipt, err := o.engine.Callback(ctx, r.Token, callbackOf(given(r.Body)))
	if err != nil {
		return nil, err
	}
	return api.CallBack200JSONResponse{Process: receipt.Process}, nil
}

// callbackOf gives a report with a digest of what it says, however it was
// written.
func callbackOf(said api.Callback) itsm.CallbackAnswer {
	report := itsm.CallbackAnswer{Failed: said.Status == callbackFailed, Message: said.Message, Result: said.Result}
	text, err := json.Marshal(report)
	if err != nil { // it was read from JSON; this can't happen
		text = said.Result
	}
	sum := sha256.Sum256(text)
	report.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return report
}
