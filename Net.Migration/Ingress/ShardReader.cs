using Net.Core.Crypto;
using Net.Core.Endpoints;

namespace Net.Migration.Ingress;

/// <summary>Reads the shard in a connection ID, by the configuration that the ID names.</summary>
/// <remarks>It holds what decrypts IDs and nothing that they, or the tokens of stateless resets, are made of: an ingress needs no more. From any thread.</remarks>
internal sealed class ShardReader
{
    private readonly bool[] _isKnown = new bool[CidLayout.MaxConfig + 1];
    private readonly CidCipher?[] _ciphers = new CidCipher?[CidLayout.MaxConfig + 1];

    /// <param name="configurations">Each with its cipher; null: its IDs are not encrypted.</param>
    public ShardReader(IEnumerable<(byte Number, CidCipher? Cipher)> configurations)
    {
        foreach ((byte number, CidCipher? cipher) in configurations)
        {
            (_isKnown[number], _ciphers[number]) = (true, cipher);
        }
    }

    /// <returns>
    /// False when nobody in the federation can have made the ID: it has another layout, or is of a configuration that is not there (any more). One that was made up, or changed
    /// on its way, is read as some shard or other, one of 2^32.
    /// </returns>
    public bool TryRead(ReadOnlySpan<byte> cid, out uint shard)
    {
        shard = 0;
        return CidLayout.TryReadConfig(cid, out int config) && _isKnown[config] && CidLayout.TryReadShard(cid, _ciphers[config], out shard);
    }
}
