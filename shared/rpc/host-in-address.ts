/** As it stands in front of `:port`: an IPv6 address in brackets. */
export function hostInAddress(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
