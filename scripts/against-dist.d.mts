export declare function bundleAgainstDist(entry: string, output: string, options?: { keepUrl?: boolean }): Promise<void>
