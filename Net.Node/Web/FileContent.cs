using Microsoft.Win32.SafeHandles;

namespace Net.Node.Web;

/// <summary>An open file: what it held when it was opened, as long as nobody writes into it.</summary>
/// <param name="handle">Null for an empty file.</param>
/// <param name="path">Without links.</param>
/// <param name="length">Bytes.</param>
/// <param name="modified">Ticks of the last change.</param>
internal sealed class FileContent(SafeFileHandle? handle, string path, long length, long modified) : IContent, IDisposable
{
    public long Length => length;

    /// <summary>Says which bytes these are, as far as can be told without reading them.</summary>
    public FileKey Key => new(path, length, modified);

    public string ContentType => ContentTypes.Of(path);

    public void Read(long offset, Span<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            int count = RandomAccess.Read(handle!, buffer, offset);
            if (count == 0)
            {
                throw new EndOfStreamException($"{path} became shorter while it was sent");
            }

            buffer = buffer[count..];
            offset += count;
        }
    }

    public void Dispose() => handle?.Dispose();
}

/// <summary>A file in one state.</summary>
internal readonly record struct FileKey(string Path, long Length, long Modified);
