using System.Security.Cryptography;

namespace Net.Migration.Envelope;

/// <summary>Turns the bytes of one hand-over, copy-ahead and delta in one sequence, into sealed parts.</summary>
/// <remarks>
/// Order: any number of <see cref="Seal"/>, the last of them with <c>isLast</c>; then <see cref="Hash"/>; then <see cref="Dispose"/>, which
/// wipes the key. A part exists once: there is no way to seal two under one sequence number.
/// </remarks>
internal sealed class SnapshotSealer : IDisposable
{
    private readonly AesGcm _aead;
    private readonly byte[] _binding;
    private readonly byte[] _chain;
    private ulong _sequence;
    private bool _isComplete;

    /// <param name="binding">What the snapshot belongs to.</param>
    /// <param name="key">32 bytes, fresh for this hand-over (<see cref="SnapshotBinding.DeriveKey"/>); copied.</param>
    public SnapshotSealer(SnapshotBinding binding, ReadOnlySpan<byte> key)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(key.Length, SnapshotBinding.KeyLength, nameof(key));
        _aead = new(key, SealedPart.TagLength);
        _binding = binding.Encode();
        _chain = SHA256.HashData(_binding);
    }

    /// <summary>Sealed bytes so far: the "state_bytes" of a move.</summary>
    public long SealedBytes { get; private set; }

    /// <summary>Number of the next part.</summary>
    public ulong Sequence => _sequence;

    /// <summary>Over all parts; what the commit names.</summary>
    /// <exception cref="InvalidOperationException">The last part has not been sealed.</exception>
    public SnapshotHash Hash => _isComplete ? new(_chain) : throw new InvalidOperationException("the snapshot is not complete");

    /// <param name="plain">At most <see cref="SealedPart.MaxPlain"/> bytes; the caller wipes them.</param>
    /// <param name="isLast">No part follows.</param>
    /// <exception cref="InvalidOperationException">The last part was sealed already.</exception>
    public byte[] Seal(ReadOnlySpan<byte> plain, bool isLast)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(plain.Length, SealedPart.MaxPlain, nameof(plain));
        if (_isComplete)
        {
            throw new InvalidOperationException("the snapshot is complete");
        }

        byte[] part = new byte[plain.Length + SealedPart.TagLength];
        Span<byte> nonce = stackalloc byte[SealedPart.NonceLength];
        SealedPart.WriteNonce(nonce, _sequence);
        byte[] additional = SealedPart.AdditionalData(_binding, _sequence, isLast);
        _aead.Encrypt(nonce, plain, part.AsSpan(0, plain.Length), part.AsSpan(plain.Length), additional);
        SealedPart.Extend(_chain, part);
        _sequence++;
        _isComplete = isLast;
        SealedBytes += part.Length;
        return part;
    }

    public void Dispose() => _aead.Dispose();
}
