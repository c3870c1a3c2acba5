using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Bench.Migration;

/// <summary>What a datagram to a thread that waits for it costs on this machine, with nothing done on either side: four of them are in every freeze.</summary>
internal static class HopFloor
{
    private const int Pings = 500;

    /// <summary>Between two of them, so that threads sleep and caches cool as they do between moves.</summary>
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(4);

    public static Histogram Measure()
    {
        using Socket asker = Open(), answerer = Open();
        EndPoint asked = answerer.LocalEndPoint!;
        Thread thread = new(() => Answer(answerer)) { IsBackground = true };
        thread.Start();
        Histogram hop = new("floor: one bare datagram to a thread that waits");
        byte[] buffer = new byte[1200];
        for (int i = 0; i < Pings; i++)
        {
            Thread.Sleep(s_pause);
            long begun = Stopwatch.GetTimestamp();
            asker.SendTo(buffer, asked);
            asker.Receive(buffer);
            hop.Add(Stopwatch.GetElapsedTime(begun) / 2);
        }

        asker.SendTo([], asked);
        thread.Join();
        return hop;
    }

    private static void Answer(Socket socket)
    {
        byte[] buffer = new byte[2048];
        SocketAddress from = new(AddressFamily.InterNetwork);
        while (socket.ReceiveFrom(buffer, SocketFlags.None, from) is int count and > 0)
        {
            socket.SendTo(buffer.AsSpan(0, count), SocketFlags.None, from);
        }
    }

    private static Socket Open()
    {
        Socket socket = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return socket;
    }
}
