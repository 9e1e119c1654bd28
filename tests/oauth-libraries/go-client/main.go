// Gets a token with golang.org/x/oauth2/clientcredentials and submits a job, twice, each with a new token.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const job = `{"job_queue": "lab", "job_priority": 10}`

func submit(client *http.Client, server string) error {
	response, err := client.Post(server+"/v1/job", "application/json", strings.NewReader(job))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the server returned %s for a job", response.Status)
	}
	return nil
}

func run() error {
	ctx := context.Background()
	server := os.Getenv("QUEUEPASS_SERVER")
	config := clientcredentials.Config{
		ClientID:     os.Getenv("CLIENT_ID"),
		ClientSecret: os.Getenv("CLIENT_SECRET"),
		TokenURL:     server + "/v1/oauth2/token",
	}
	if err := submit(config.Client(ctx), server); err != nil {
		return err
	}
	// This package never sends refresh tokens: it logs in again when the token expires. To this source, each token of
	// ten minutes has expired.
	source := oauth2.ReuseTokenSourceWithExpiry(nil, config.TokenSource(ctx), time.Hour)
	for range 2 {
		if err := submit(oauth2.NewClient(ctx, source), server); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
