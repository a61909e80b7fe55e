package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
)

// settings are the settings that the operator gives a consumer (docs/contracts/pods.md).
type settings struct {
	admin       string
	concurrency int
	work        time.Duration
	// wordAPI is the URL of a word service. If it is empty, values are from the built-in list.
	wordAPI string
}

func readSettings() (settings, error) {
	concurrency, err := strconv.Atoi(variable("CONCURRENCY", "16"))
	if err != nil || concurrency < 1 {
		return settings{}, errors.New("CONCURRENCY must be a number of at least 1")
	}
	seconds, err := strconv.ParseFloat(variable("WORK_SECONDS", "0"), 64)
	if err != nil {
		return settings{}, errors.New("WORK_SECONDS must be a number")
	}
	work := time.Duration(seconds * float64(time.Second))
	return settings{
		admin:       variable("ADMIN_ADDRESS", "[::]:9090"),
		concurrency: concurrency,
		work:        work,
		wordAPI:     os.Getenv("WORD_API_URL"),
	}, nil
}

// databaseConfig returns the connection settings. It is called at each connect, because passwords change.
func databaseConfig() (*mysql.Config, error) {
	host := os.Getenv("DATABASE_HOST")
	if host == "" {
		return nil, errors.New("DATABASE_HOST must be set")
	}
	password, err := password(os.Getenv("DATABASE_PASSWORD_FILE"))
	if err != nil {
		return nil, err
	}
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = net.JoinHostPort(host, variable("DATABASE_PORT", "3306"))
	config.DBName = variable("DATABASE_NAME", "eventpipeline")
	config.User = variable("DATABASE_USER", "eventpipeline")
	config.Passwd = password
	config.Timeout, config.ReadTimeout, config.WriteTimeout = 5*time.Second, 30*time.Second, 30*time.Second
	if mode := variable("DATABASE_TLS", "preferred"); mode == "preferred" {
		config.TLSConfig = "preferred"
	} else if config.TLS, err = tlsConfig(mode, host); err != nil {
		return nil, err
	}
	return config, nil
}

func password(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	return strings.TrimSuffix(strings.TrimSuffix(string(text), "\n"), "\r"), err
}

// tlsConfig implements MySQL's --ssl-mode of that name.
func tlsConfig(mode, host string) (*tls.Config, error) {
	roots, err := roots(os.Getenv("DATABASE_TLS_CA_FILE"))
	if err != nil {
		return nil, err
	}
	switch mode {
	case "verify-identity":
		return &tls.Config{RootCAs: roots, ServerName: host}, nil
	case "verify-ca":
		// The chain is verified below, the name is not.
		return &tls.Config{InsecureSkipVerify: true, VerifyConnection: verifyChain(roots)}, nil
	case "required":
		return &tls.Config{InsecureSkipVerify: true}, nil
	default:
		return nil, fmt.Errorf("DATABASE_TLS must be preferred, required, verify-ca or verify-identity, not %q", mode)
	}
}

// roots returns the certificates to trust. nil means those of the system.
func roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s has no certificate", file)
	}
	return pool, nil
}

func verifyChain(roots *x509.CertPool) func(tls.ConnectionState) error {
	return func(state tls.ConnectionState) error {
		intermediates := x509.NewCertPool()
		for _, certificate := range state.PeerCertificates[1:] {
			intermediates.AddCert(certificate)
		}
		_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates})
		return err
	}
}

func variable(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}
