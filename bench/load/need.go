package load

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Need installs the Debian package of each file that is missing. Only root can; others are told what is missing.
func Need(ctx context.Context, packageByFile map[string]string) error {
	var missing []string
	for file, name := range packageByFile {
		if found, _ := filepath.Glob(file); len(found) == 0 {
			missing = append(missing, name)
		}
	}
	switch {
	case len(missing) == 0:
		return nil
	case os.Getuid() != 0:
		return fmt.Errorf("missing: apt-get install %s", strings.Join(missing, " "))
	}
	apt := exec.CommandContext(ctx, "apt-get", append([]string{"install", "-y", "-qq", "--no-install-recommends"}, missing...)...)
	apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := apt.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get: %w: %s", err, out)
	}
	return nil
}

// NPM installs packages, each with its exact version, into a folder of the user's cache that is kept between runs. A
// package's own programs run only where scripts says so. The folder holds node_modules.
func NPM(ctx context.Context, name string, scripts bool, packages ...string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "concordat-bench", name)
	stamp, want := filepath.Join(dir, "installed"), strings.Join(packages, "\n")
	if text, err := os.ReadFile(stamp); err == nil && string(text) == want {
		return dir, nil
	}
	if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "package.json"), []byte(`{"private":true}`), 0o600)); err != nil {
		return "", err
	}
	arguments := []string{"install", "--no-audit", "--no-fund", "--no-package-lock"}
	if !scripts {
		arguments = append(arguments, "--ignore-scripts")
	}
	npm := exec.CommandContext(ctx, "npm", append(arguments, packages...)...)
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm: %w: %s", err, out)
	}
	return dir, os.WriteFile(stamp, []byte(want), 0o600)
}

// Node installs Node 24 and is the path of its program: the peers ask for a newer one than Debian has.
func Node(ctx context.Context) (string, error) {
	dir, err := NPM(ctx, "node", true, "node@24.21.0")
	return filepath.Join(dir, "node_modules/node/bin/node"), err
}
