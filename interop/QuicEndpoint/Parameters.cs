using System.Globalization;
using System.Net;
using Net.Core.Recovery;

namespace QuicEndpoint;

/// <summary>What CLIENT_PARAMS and SERVER_PARAMS may say: words of the form <c>name=value</c>.</summary>
internal sealed record Parameters
{
    /// <summary>congestion=cubic or congestion=newreno.</summary>
    public CongestionAlgorithm Congestion { get; private init; } = CongestionAlgorithm.Cubic;

    /// <summary>idle=SECONDS: silence after which a connection is over.</summary>
    public TimeSpan Idle { get; private init; } = TimeSpan.FromSeconds(30);

    /// <summary>listen=ADDRESS: where a server binds; all addresses if not given.</summary>
    public IPAddress Listen { get; private init; } = IPAddress.IPv6Any;

    /// <summary>alpn=h3: a client fetches over HTTP/3 in every test case, for servers that speak nothing else.</summary>
    public bool Http3 { get; private init; }

    /// <exception cref="ContractException">A word that means nothing here.</exception>
    public static Parameters Read(string text)
    {
        Parameters read = new();
        foreach (string word in text.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = word.Split('=', 2);
            read = parts switch
            {
                ["congestion", "cubic"] => read with { Congestion = CongestionAlgorithm.Cubic },
                ["congestion", "newreno"] => read with { Congestion = CongestionAlgorithm.NewReno },
                ["idle", string number] when int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) =>
                    read with { Idle = TimeSpan.FromSeconds(seconds) },
                ["alpn", "h3"] => read with { Http3 = true },
                ["listen", string address] when IPAddress.TryParse(address, out IPAddress? listen) => read with { Listen = listen },
                _ => throw new ContractException($"'{word}' is no parameter: congestion=cubic|newreno, idle=SECONDS, listen=ADDRESS and alpn=h3 are"),
            };
        }

        return read;
    }
}
