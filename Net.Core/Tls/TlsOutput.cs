using Net.Core.Wire;

namespace Net.Core.Tls;

/// <summary>Bytes for the CRYPTO stream of a level.</summary>
internal readonly record struct TlsOutput(EncryptionLevel Level, ReadOnlyMemory<byte> Bytes);
