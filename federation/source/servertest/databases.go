package servertest

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
)

const (
	postgresPlace = "/usr/lib/postgresql/*/bin/"
	patience      = 2 * time.Second
)

func startPostgres() (*running, error) {
	server, err := find("postgres", postgresPlace+"postgres")
	if err != nil {
		return nil, err
	}
	initdb, err := find("initdb", postgresPlace+"initdb")
	if err != nil {
		return nil, err
	}
	who, err := account("postgres")
	if err != nil {
		return nil, err
	}
	r := &running{signal: syscall.SIGINT}
	if r.dir, err = directory(who); err != nil {
		return nil, err
	}
	at, err := port()
	if err != nil {
		return nil, err
	}
	if out, err := command(who, r.dir, initdb, "-D", r.dir+"/data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N",
		"--locale-provider=icu", "--icu-locale=en-US").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	r.dsn = "postgres://postgres@127.0.0.1:" + strconv.Itoa(at) + "/postgres?sslmode=disable"
	return launch(command(who, r.dir, server, "-D", r.dir+"/data", "-p", strconv.Itoa(at), "-k", r.dir,
		"-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"), r,
		func() error { return answersPostgres(r.dsn) })
}

func answersPostgres(dsn string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	return c.Close(ctx)
}

func startMariaDB() (*running, error) {
	server, err := find("mariadbd", "/usr/sbin/mariadbd")
	if err != nil {
		return nil, err
	}
	install, err := find("mariadb-install-db")
	if err != nil {
		return nil, err
	}
	who, err := account("mysql")
	if err != nil {
		return nil, err
	}
	r := &running{signal: syscall.SIGTERM}
	if r.dir, err = directory(who); err != nil {
		return nil, err
	}
	at, err := port()
	if err != nil {
		return nil, err
	}
	data := "--datadir=" + r.dir + "/data"
	if err := os.Mkdir(r.dir+"/data", 0o700); err != nil {
		return nil, err
	}
	if who != nil {
		if err := os.Chown(r.dir+"/data", int(who.Uid), int(who.Gid)); err != nil {
			return nil, err
		}
	}
	if out, err := command(who, r.dir, install, "--no-defaults", data, "--skip-test-db", "--auth-root-authentication-method=normal").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("mariadb-install-db: %w: %s", err, out)
	}
	r.dsn = "root@tcp(127.0.0.1:" + strconv.Itoa(at) + ")/registry"
	return launch(command(who, r.dir, server, "--no-defaults", data, "--port="+strconv.Itoa(at), "--bind-address=127.0.0.1",
		"--socket="+r.dir+"/s.sock", "--pid-file="+r.dir+"/pid", "--tmpdir="+r.dir, "--skip-grant-tables", "--skip-networking=0",
		"--character-set-server=utf8mb4", "--collation-server=utf8mb4_general_ci", "--innodb-flush-log-at-trx-commit=0",
		"--innodb-buffer-pool-size=64M"), r, func() error { return answersMariaDB(at) })
}

// answersMariaDB also makes the database. The driver's complaints about a server that is not up yet go nowhere.
func answersMariaDB(at int) error {
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr, cfg.Timeout = "root", "tcp", "127.0.0.1:"+strconv.Itoa(at), patience
	cfg.Logger = quiet{io.Discard}
	connector, err := mysql.NewConnector(cfg)
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	defer db.Close()
	_, err = db.Exec("CREATE DATABASE IF NOT EXISTS registry")
	return err
}

type quiet struct{ io.Writer }

func (q quiet) Print(v ...any) { fmt.Fprint(q.Writer, v...) }
