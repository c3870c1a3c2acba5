using Net.Core.Time;
using Net.Core.Wire;

namespace Net.Core.Recovery;

/// <summary>What is remembered of a sent packet until it is acknowledged or lost (RFC 9002, appendix A.1.1).</summary>
/// <param name="Number">Its packet number.</param>
/// <param name="SentAt">When it was sealed.</param>
/// <param name="Size">Bytes of the packet, header and tag included.</param>
/// <param name="AckEliciting">The peer must acknowledge it.</param>
/// <param name="InFlight">It counts against the congestion window.</param>
/// <param name="Ecn">Its marking.</param>
internal readonly record struct SentPacket(ulong Number, Instant SentAt, int Size, bool AckEliciting, bool InFlight, Ecn Ecn);
