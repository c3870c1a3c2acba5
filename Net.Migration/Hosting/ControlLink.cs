using System.Net;
using System.Security.Cryptography.X509Certificates;
using Net.Core.Io;
using Net.Migration.Link;

namespace Net.Migration.Hosting;

/// <summary>Opens a message link, as a client.</summary>
internal static class ControlLink
{
    /// <summary>The name in every ingress's certificate.</summary>
    public const string IngressName = "ingress";

    /// <exception cref="QuicException">Nobody answers, or not as one of the federation.</exception>
    public static async Task<MessageLink> OpenAsync(
        IPEndPoint remote,
        string alpn,
        string peer,
        X509Certificate2 own,
        X509Certificate2Collection roots,
        Action<MessageLink, LinkMessage> onMessage,
        Action<MessageLink> onLost,
        CancellationToken cancellationToken)
    {
        QuicConnection connection = await QuicConnection.ConnectAsync(LinkTls.Client(remote, alpn, peer, own, roots), cancellationToken).ConfigureAwait(false);
        try
        {
            QuicStream stream = await connection.OpenOutboundStreamAsync(QuicStreamType.Bidirectional, cancellationToken).ConfigureAwait(false);
            MessageLink link = new(connection, stream, onMessage, onLost);
            link.Start();
            return link;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }
}
