using System.Net;
using System.Net.Sockets;

namespace Interop.Netem;

/// <summary>A TCP connection that fills the link beside the one that is looked at, as the runner's iperf does.</summary>
internal sealed class CrossTraffic : IDisposable
{
    private const int Port = 5001;

    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(2);

    private readonly Socket _listener;
    private readonly Socket _receiver;
    private readonly Thread _sending;
    private readonly Thread _receiving;
    private Socket? _connection;
    private long _bytes;

    /// <param name="server">Sends.</param>
    /// <param name="client">Receives.</param>
    public CrossTraffic(NetworkPlace server, NetworkPlace client)
    {
        // A socket belongs to the network of the thread that made it.
        _listener = server.Do(() =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(server.Address, Port));
            socket.Listen();
            return socket;
        });
        _receiver = client.Do(() => new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
        _sending = new(Send) { IsBackground = true, Name = "cross traffic out" };
        _receiving = new(() => Receive(server.Address)) { IsBackground = true, Name = "cross traffic in" };
        _sending.Start();
        _receiving.Start();
    }

    /// <summary>Received so far.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    public void Dispose()
    {
        _listener.Dispose();
        _receiver.Dispose();
        _connection?.Dispose();
        _ = _sending.Join(s_patience);
        _ = _receiving.Join(s_patience);
    }

    private void Send()
    {
        try
        {
            _connection = _listener.Accept();
            byte[] buffer = new byte[64 * 1024];
            while (_connection.Send(buffer) > 0)
            {
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The network is over.
        }
    }

    private void Receive(IPAddress server)
    {
        try
        {
            _receiver.Connect(new IPEndPoint(server, Port));
            byte[] buffer = new byte[64 * 1024];
            while (_receiver.Receive(buffer) is int read and > 0)
            {
                Interlocked.Add(ref _bytes, read);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The network is over.
        }
    }
}
