using Net.Core.Paths;
using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Connections;

/// <summary>The circumstances of a datagram.</summary>
/// <param name="ArrivedWith">Sequence number of the local connection ID that it came to.</param>
/// <param name="Bytes">Its length; 0 for one that was kept until its keys were there, and was counted when it came.</param>
internal readonly record struct Arrival(NetworkPath Path, Ecn Ecn, ulong? ArrivedWith, int Bytes, Instant Now);
