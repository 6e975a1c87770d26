package server

import (
	"net/netip"
	"net/url"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/steward-itsm/steward/itsm"
)

// refuseForeignPages keeps web pages of others away from `steward dev`, which
// asks for no token: any page that a developer opens could else decide in
// anybody's name. A page of another site gives itself away by its Origin. One
// that had its own name resolved to this machine (DNS rebinding) does by its
// Host, which is that name; an address can't be rebound.
func (s *Server) refuseForeignPages(c *gin.Context) {
	host := c.Request.Host
	if !s.isOwnHost(host) {
		s.fail(c, itsm.Errorf(itsm.CodeForbidden,
			"`steward dev` does not answer to the host %q; use localhost or an address, or name the host in STEWARD_PUBLIC_URL", host))
		return
	}
	if origin := c.GetHeader("Origin"); origin != "" && origin != "http://"+host && origin != "https://"+host {
		s.fail(c, itsm.Errorf(itsm.CodeForbidden,
			"`steward dev` does not answer to pages of %q, for it asks for no token; use `steward server` and a token there", origin))
	}
}

// isOwnHost reports whether a Host is an IP address, localhost, or the host of
// the public URL, which is that of the listen address unless it is set.
func (s *Server) isOwnHost(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	public, err := url.Parse(s.publicURL)
	return strings.EqualFold(name, "localhost") || err == nil && public.Hostname() != "" && strings.EqualFold(name, public.Hostname())
}
