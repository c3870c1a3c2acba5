using Net.Core.Crypto;
using Net.Core.Endpoints;
using Net.Core.Time;
using Net.Core.Tls;
using Net.Core.Wire;

namespace Net.Tests.Core.Endpoints;

[TestClass]
public sealed class TicketStoreTests
{
    private static readonly Instant s_now = new(TimeSpan.TicksPerHour);

    private static readonly byte[][] s_h3 = ["h3"u8.ToArray()];

    /// <summary>Goal: the newest ticket that fits is given once; name, port, protocol, version and lifetime must fit.</summary>
    [TestMethod]
    public void A_ticket_is_given_once_and_only_where_it_fits()
    {
        TicketStore store = new();
        TicketOrigin server = new("a.test", 443);
        ResumptionTicket older = Ticket(1), newer = Ticket(2);
        store.Add(server, older, s_now);
        store.Add(server, newer, s_now);
        Assert.IsNull(store.Take(server with { Name = "b.test" }, s_h3, QuicVersion.V1, s_now));
        Assert.IsNull(store.Take(server with { Port = 444 }, s_h3, QuicVersion.V1, s_now));
        Assert.IsNull(store.Take(server, ["hq-interop"u8.ToArray()], QuicVersion.V1, s_now));
        Assert.IsNull(store.Take(server, s_h3, QuicVersion.V2, s_now));
        Assert.AreSame(newer, store.Take(server, s_h3, QuicVersion.V1, s_now));
        Assert.IsNull(store.Take(server, s_h3, QuicVersion.V1, s_now + TimeSpan.FromSeconds(10)), "expired");
        Assert.IsNull(store.Take(server, s_h3, QuicVersion.V1, s_now), "and forgotten");
    }

    /// <summary>Goal: neither one server nor many make it grow beyond its limits; the oldest goes.</summary>
    [TestMethod]
    public void It_does_not_grow()
    {
        TicketStore store = new();
        for (int server = 0; server < 2 * TicketStore.MaxServers; server++)
        {
            for (int i = 0; i < 2 * TicketStore.MaxPerServer; i++)
            {
                store.Add(new("a.test", server), Ticket((byte)i), s_now);
            }
        }

        Assert.AreEqual(TicketStore.MaxServers, store.Servers);
        Assert.IsNull(store.Take(new("a.test", 0), s_h3, QuicVersion.V1, s_now));
        TicketOrigin last = new("a.test", (2 * TicketStore.MaxServers) - 1);
        for (int i = (2 * TicketStore.MaxPerServer) - 1; i >= TicketStore.MaxPerServer; i--)
        {
            Assert.AreEqual((byte)i, store.Take(last, s_h3, QuicVersion.V1, s_now)!.Ticket[0]);
        }

        Assert.IsNull(store.Take(last, s_h3, QuicVersion.V1, s_now));
    }

    private static ResumptionTicket Ticket(byte mark) => new()
    {
        Suite = CipherSuite.Aes128GcmSha256,
        Version = QuicVersion.V1,
        Alpn = s_h3[0],
        Ticket = [mark],
        Psk = new byte[32],
        AgeAdd = 0,
        ReceivedAt = s_now,
        ExpiresAt = s_now + TimeSpan.FromSeconds(10),
    };
}
