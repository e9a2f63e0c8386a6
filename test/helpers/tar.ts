// Tar archives as others write them, and as nobody should.

/** An entry; what is left out is as usual. */
export interface TarFile {
  readonly name: string
  readonly type?: string
  readonly content?: Uint8Array
  readonly link?: string
  readonly prefix?: string
  readonly size?: string
}

function tarHeader({ name, type = '0', content = new Uint8Array(), link = '', prefix = '', size }: TarFile): Buffer {
  const header = Buffer.alloc(512)
  header.write(name, 0, 100, 'utf8')
  header.write('0000644\0', 100)
  header.write(size ?? `${content.length.toString(8).padStart(11, '0')}\0`, 124, 12, 'latin1')
  header.write(type, 156)
  header.write(link, 157, 100)
  header.write('ustar\x0000', 257, 'latin1')
  header.write(prefix, 345, 155)
  return withChecksum(header)
}

/** Puts the checksum that a header must have into it. */
export function withChecksum(header: Buffer): Buffer {
  header.fill(' ', 148, 156)
  const sum = header.reduce((total, byte) => total + byte, 0)
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return header
}

export const tar = (files: readonly TarFile[]) =>
  Buffer.concat([
    ...files.flatMap((file) => {
      const { content = new Uint8Array() } = file
      return [tarHeader(file), content, Buffer.alloc((512 - (content.length % 512)) % 512)]
    }),
    Buffer.alloc(1024),
  ])
