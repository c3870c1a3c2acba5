using System.Security.Cryptography;

namespace Net.Migration.Envelope;

/// <summary>Opens the parts of one hand-over, each once and in order. The first that does not fit ends it for good.</summary>
internal sealed class SnapshotOpener : IDisposable
{
    private readonly AesGcm _aead;
    private readonly byte[] _binding;
    private readonly byte[] _chain;
    private ulong _sequence;
    private bool _isBroken;

    /// <param name="binding">What this member agreed to take.</param>
    /// <param name="key">32 bytes; copied.</param>
    public SnapshotOpener(SnapshotBinding binding, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, SnapshotBinding.KeyLength, nameof(key));
        _aead = new(key, SealedPart.TagLength);
        _binding = binding.Encode();
        _chain = SHA256.HashData(_binding);
    }

    /// <summary>The last part was opened, and nothing of it can be opened again.</summary>
    public bool IsComplete { get; private set; }

    /// <exception cref="InvalidOperationException">The last part has not been opened.</exception>
    public SnapshotHash Hash => IsComplete ? new(_chain) : throw new InvalidOperationException("the snapshot is not complete");

    /// <summary>Opens the next part into <paramref name="plain"/>.</summary>
    /// <param name="part">As it came over the link.</param>
    /// <param name="isLast">Whether the sender called it the last.</param>
    /// <param name="plain">Room of at least the part's length less the tag; wiped by the caller when it has been read.</param>
    /// <param name="length">Plain bytes.</param>
    /// <returns>False when it is too short or long, not the next, not of this hand-over, tampered with, or one after the last.</returns>
    public bool TryOpen(ReadOnlySpan<byte> part, bool isLast, Span<byte> plain, out int length)
    {
        length = part.Length - SealedPart.TagLength;
        if (_isBroken || IsComplete || length < 0 || part.Length > SealedPart.MaxLength || plain.Length < length)
        {
            _isBroken = true;
            length = 0;
            return false;
        }

        Span<byte> nonce = stackalloc byte[SealedPart.NonceLength];
        SealedPart.WriteNonce(nonce, _sequence);
        byte[] additional = SealedPart.AdditionalData(_binding, _sequence, isLast);
        try
        {
            _aead.Decrypt(nonce, part[..length], part[length..], plain[..length], additional);
        }
        catch (AuthenticationTagMismatchException)
        {
            _isBroken = true;
            length = 0;
            return false;
        }

        SealedPart.Extend(_chain, part);
        _sequence++;
        IsComplete = isLast;
        return true;
    }

    public void Dispose() => _aead.Dispose();
}
