// HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY, as curl and most others understand them. (Node 20 has none of it.)
import { isIP } from 'node:net'
import { AssetAddressError } from '../../base/index.ts'
import { isWeb } from './known.ts'

/**
 * The proxy that an address is to be fetched through, if any. Small letters win; HTTP_PROXY in capitals counts too.
 *
 * @throws {@link AssetAddressError} if a variable is no http or https address
 */
export function proxyFor(url: URL, env: NodeJS.ProcessEnv = process.env): URL | undefined {
  const names = url.protocol === 'https:' ? ['https_proxy', 'all_proxy'] : ['http_proxy', 'all_proxy']
  const name = names.flatMap((each) => [each, each.toUpperCase()]).find((each) => env[each])
  if (name === undefined || isExempt(url, env['no_proxy'] || env['NO_PROXY'] || '')) return undefined
  const value = env[name]!
  const address = /^[a-z][a-z\d+.-]*:\/\//i.test(value) ? value : `http://${value}`
  const proxy = URL.canParse(address) ? new URL(address) : undefined
  if (!proxy || !isWeb(proxy)) throw new AssetAddressError(name, value.replace(/\/\/[^@/]*@/, '//…@'))
  return proxy
}

/** `NO_PROXY`: '*', or names with their subdomains, with or without a port, separated by commas or blanks. */
function isExempt(url: URL, list: string): boolean {
  const host = url.hostname.toLowerCase().replace(/^\[|\]$/g, '')
  const port = url.port || (url.protocol === 'https:' ? '443' : '80')
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter(Boolean)
    .some((entry) => {
      if (entry === '*') return true
      const [, name = '', wanted] = /^\[?([^\]]*?)\]?(?::(\d+))?$/.exec(isIP(entry) === 6 ? `[${entry}]` : entry) ?? []
      if (wanted !== undefined && wanted !== port) return false
      const suffix = name.replace(/^\*?\./, '')
      return host === suffix || (isIP(host) === 0 && host.endsWith(`.${suffix}`))
    })
}
