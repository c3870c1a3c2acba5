namespace Net.Node.Web;

/// <summary>Bytes of known length, readable anywhere: what ranges are taken of, and what an upload's digest is not.</summary>
internal interface IContent
{
    long Length { get; }

    /// <summary>Fills the buffer; the caller asks for nothing beyond <see cref="Length"/>.</summary>
    /// <exception cref="IOException">The bytes are not there any more.</exception>
    void Read(long offset, Span<byte> buffer);
}
