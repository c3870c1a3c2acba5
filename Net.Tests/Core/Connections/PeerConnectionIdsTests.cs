using Net.Core.Connections;
using Net.Core.Errors;
using Net.Core.Wire;

namespace Net.Tests.Core.Connections;

[TestClass]
public sealed class PeerConnectionIdsTests
{
    /// <summary>Goal: an ID that was given back does not come again by a copy of its frame, and that copy cannot take the last ID away.</summary>
    [TestMethod]
    public void The_last_ID_is_not_taken_away()
    {
        PeerConnectionIds ids = new(Id(0));
        Assert.IsFalse(ids.On(Issue(3, 0)).IsError);
        ulong? lent = null;
        Assert.IsTrue(ids.TryLend(ref lent));
        ids.ReturnUnused([]);
        Assert.IsFalse(ids.On(Issue(3, 0)).IsError, "a late copy");
        Assert.IsFalse(ids.HasSpare);

        Assert.AreEqual(TransportErrorCode.ProtocolViolation, ids.On(Issue(3, 3)).Code);
        Assert.AreEqual(Id(0), ids.Current);
        Assert.AreEqual(Id(0), ids[3]);
    }

    /// <summary>Goal: whatever the peer issues and retires, in whatever order, and whatever paths come and go: there is an ID to send to, and the error's close can be sent.</summary>
    [TestMethod]
    public void There_is_always_an_ID_in_use()
    {
        int refused = 0, taken = 0;
        for (int seed = 0; seed < 500; seed++)
        {
            Random random = new(seed);
            PeerConnectionIds ids = new(Id(0));
            List<ulong> elsewhere = [];
            bool isOpen = true;
            for (int step = 0; isOpen && step < 60; step++)
            {
                switch (random.Next(4))
                {
                    case 0:
                        ulong? number = null;
                        if (ids.TryLend(ref number))
                        {
                            elsewhere.Add(number!.Value);
                        }

                        break;
                    case 1 when elsewhere.Count > 0:
                        ids.Use(elsewhere[random.Next(elsewhere.Count)]);
                        break;
                    case 2:
                        elsewhere.RemoveAll(_ => random.Next(2) == 0);
                        ids.ReturnUnused(elsewhere);
                        break;
                    default:
                        ulong issued = (ulong)random.Next(1 + (step / 4));
                        isOpen = !ids.On(Issue(issued, random.Next(2) == 0 ? 0 : (ulong)random.Next((int)issued + 1))).IsError;
                        _ = isOpen ? taken++ : refused++;
                        break;
                }

                Assert.AreEqual(Id(ids.CurrentNumber), ids.Current);
            }
        }

        Assert.IsTrue(taken > 1000 && refused > 20, $"{taken} and {refused}");
    }

    private static NewConnectionIdFrame Issue(ulong number, ulong retirePriorTo)
    {
        byte[] token = new byte[ResetToken.Length];
        token[0] = (byte)number;
        return new(number, retirePriorTo, Id(number), new(token));
    }

    private static ConnectionId Id(ulong number) => new([9, 9, 9, (byte)number]);
}
