using Net.Core.Wire;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Who is at the other end of a control link, as the desk sees it: a member, or a command that asks.</summary>
internal interface IControlPeer
{
    /// <summary>As its certificate says.</summary>
    string Name { get; }

    /// <inheritdoc cref="RosterEntry.Fingerprint"/>
    string Fingerprint => "";

    /// <summary>Where this peer reaches the ingress with datagrams.</summary>
    UdpAddress DataAddress { get; }

    /// <summary>Queues a message; nothing happens when the link is lost.</summary>
    void Send(LinkMessage message);

    /// <summary>Ends the link. What was sent just before may not arrive.</summary>
    void Close();
}
