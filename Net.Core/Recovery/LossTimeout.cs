using Net.Core.Wire;

namespace Net.Core.Recovery;

internal enum LossTimeoutKind
{
    /// <summary>Not yet due, or pacing alone: more may be sent now.</summary>
    Nothing,

    /// <summary>Packets were lost by time.</summary>
    Lost,

    /// <summary>Probes are to be sent: ack-eliciting packets, beyond the congestion window if need be.</summary>
    SendProbes,
}

/// <summary>What to do when the deadline of loss recovery has passed.</summary>
/// <param name="Kind">Which of the three.</param>
/// <param name="Space">Where packets were lost, or probes are wanted.</param>
/// <param name="Probes">Packets to send, each of them ack-eliciting: with a PING if there is nothing else.</param>
internal readonly record struct LossTimeout(LossTimeoutKind Kind, PacketNumberSpace Space = default, int Probes = 0);
