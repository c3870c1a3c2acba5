using System.Diagnostics.CodeAnalysis;
using Net.Core.Wire;

namespace Net.Migration.Directory;

/// <summary>An ingress of the federation.</summary>
/// <param name="Number">From 1; connections name it in their paths.</param>
/// <param name="Control">Where members and commands reach it.</param>
internal sealed record IngressInfo(uint Number, UdpAddress Control);

/// <summary>What the ingresses of one federation know of each other.</summary>
internal interface IIngressRegistry
{
    /// <summary>This ingress's own number; no other living ingress has it.</summary>
    uint Number { get; }

    /// <summary>Every ingress that lives, this one included.</summary>
    IReadOnlyCollection<IngressInfo> Ingresses { get; }

    /// <summary>This ingress sees a member alive, or does not any more.</summary>
    void Report(Member member, bool isAlive);

    /// <summary>Another ingress that lives sees it alive: so it is not dead, whatever this one hears.</summary>
    bool IsSeenElsewhere(Member member);

    /// <summary>An ingress that came, changed its address, or went.</summary>
    bool TryTakeIngress([NotNullWhen(true)] out IngressInfo? ingress, out bool isAlive);
}

/// <summary>The only ingress of its federation.</summary>
internal sealed class OnlyIngress : IIngressRegistry
{
    public static OnlyIngress Instance { get; } = new();

    public uint Number => 1;

    public IReadOnlyCollection<IngressInfo> Ingresses => [];

    public void Report(Member member, bool isAlive)
    {
    }

    public bool IsSeenElsewhere(Member member) => false;

    public bool TryTakeIngress([NotNullWhen(true)] out IngressInfo? ingress, out bool isAlive)
    {
        (ingress, isAlive) = (null, false);
        return false;
    }
}
