package node

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"
)

// settle is how long files must be quiet before they are read: an editor writes in several steps.
const settle = 40 * time.Millisecond

// Watch loads again when schema, policy, agreement or source files change, and when again receives (SIGHUP), until
// ctx ends. What cannot be loaded is logged; the version in force stays.
func (n *Node) Watch(ctx context.Context, again <-chan struct{}) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return err
	}
	defer w.Close()
	if err := n.follow(w); err != nil {
		return err
	}
	quiet := time.NewTimer(0)
	<-quiet.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.Events:
			quiet.Reset(settle)
		case err := <-w.Errors:
			n.log.Warn("watching files", "cause", err)
		case <-again:
			n.reload(ctx, w)
		case <-quiet.C:
			n.reload(ctx, w)
		}
	}
}

func (n *Node) reload(ctx context.Context, w *fsnotify.Watcher) {
	if err := n.follow(w); err != nil { // a folder may be new
		n.log.Warn("watching files", "cause", err)
	}
	n.retrust()
	if err := n.Reload(ctx); err != nil && ctx.Err() == nil {
		n.log.Error("a newer version is refused; the one in force stays", "cause", err)
	}
}

// follow watches every folder that configuration is read from. A folder that is watched already stays so.
func (n *Node) follow(w *fsnotify.Watcher) error {
	var errs []error
	for _, root := range []string{n.config.Schemas, n.config.Policies, n.config.Agreements, filepath.Dir(n.config.Sources)} {
		deep := root == n.config.Policies
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return err
			}
			if path != root && !deep {
				return fs.SkipDir
			}
			return w.Add(path)
		})
		errs = append(errs, err)
	}
	if n.wire.IssuerDir != "" {
		errs = append(errs, w.Add(n.wire.IssuerDir))
	}
	return errors.Join(errs...)
}
