using Net.Migration.Directory;

namespace Net.Tests.Migration.HandOver;

/// <summary>A node around the machines of its hand-overs: whether it serves, what its connections have spent, and what it waits for after a forced take-over.</summary>
internal sealed class ModelNode(Member member)
{
    public Member Member => member;

    public bool IsAlive { get; set; } = true;

    /// <summary>It was taken for dead, and has not joined again.</summary>
    public bool IsDeclaredDead { get; set; }

    public bool HasLease { get; set; } = true;

    public bool Serves { get; set; }

    /// <summary>Under which it serves.</summary>
    public ulong Epoch { get; set; }

    /// <summary>It has the keys of the connections that were there from the beginning.</summary>
    public bool HasState { get; set; }

    /// <summary>Their next packet number, in that state.</summary>
    public int NextPacket { get; set; } = 1;

    /// <summary>Bytes of the client that it has processed, and acknowledges.</summary>
    public int Received { get; set; }

    /// <summary>The highest epoch it has heard of.</summary>
    public ulong Known { get; set; } = 1;

    /// <summary>The epoch that it owns by force and does not serve yet; 0: none.</summary>
    public ulong Pending { get; set; }

    public Member PendingFrom { get; set; }

    /// <summary>A bit for each ingress that has confirmed it.</summary>
    public int Confirmed { get; set; }

    /// <summary>By this node's count its predecessor's lease has run out.</summary>
    public bool IsOldLeaseOver { get; set; }

    public bool MaySend => IsAlive && Serves && HasLease;

    public ModelNode Clone() => (ModelNode)MemberwiseClone();

    public void Serve(ulong epoch) => (Serves, Epoch, Pending) = (true, epoch, 0);

    public void Lose() => (Serves, HasState) = (false, false);

    public void Crash() => (IsAlive, Serves, HasState, Pending) = (false, false, false, 0);

    public void Write(ModelKey key)
    {
        key.Add(IsAlive, IsDeclaredDead, HasLease, Serves, HasState, IsOldLeaseOver);
        key.Add((int)Epoch, (int)Known, (int)Pending, NextPacket, Received);
    }
}
