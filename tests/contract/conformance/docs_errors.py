"""The docs' error table: by code, the texts that they give for it (docs: Error Codes).

Owns: those texts, and whether a message is one of them. "Codes are universal, but messages can vary": `%s` is anything.
"""

from __future__ import annotations

import re

DOCUMENTED: dict[int, tuple[str, ...]] = {
    -1000: ("An unknown error occured while processing the request.",),
    -1001: ("Internal error; unable to process your request. Please try again.",),
    -1002: ("You are not authorized to execute this request.",),
    -1003: (
        "Too many requests queued.",
        "Too many requests; please use the websocket for live updates.",
        "Too many requests; current limit is %s requests per minute. Please use the websocket for live updates to avoid polling the API.",
        "Way too many requests; IP banned until %s. Please use the websocket for live updates to avoid bans.",
    ),
    -1004: ("This IP is already on the white list",),
    -1005: ("No such IP has been white listed",),
    -1006: ("An unexpected response was received from the message bus. Execution status unknown.",),
    -1007: ("Timeout waiting for response from backend server. Send status unknown; execution status unknown.",),
    -1010: ("ERROR_MSG_RECEIVED.",),
    -1011: ("This IP cannot access this route.",),
    -1013: ("INVALID_MESSAGE.",),
    -1014: ("Unsupported order combination.",),
    -1015: (
        "Too many new orders.",
        "Too many new orders; current limit is %s orders per %s.",
    ),
    -1016: ("This service is no longer available.",),
    -1020: ("This operation is not supported.",),
    -1022: ("Signature for this request is not valid.",),
    -1023: ("Start time is greater than end time.",),
    -1100: (
        "Illegal characters found in a parameter.",
        "Illegal characters found in parameter '%s'; legal range is '%s'.",
    ),
    -1101: (
        "Too many parameters sent for this endpoint.",
        "Too many parameters; expected '%s' and received '%s'.",
        "Duplicate values for a parameter detected.",
    ),
    -1102: (
        "A mandatory parameter was not sent, was empty/null, or malformed.",
        "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
        "Param '%s' or '%s' must be sent, but both were empty/null!",
    ),
    -1103: ("An unknown parameter was sent.",),
    -1104: (
        "Not all sent parameters were read.",
        "Not all sent parameters were read; read '%s' parameter(s) but was sent '%s'.",
    ),
    -1105: (
        "A parameter was empty.",
        "Parameter '%s' was empty.",
    ),
    -1106: (
        "A parameter was sent when not required.",
        "Parameter '%s' sent when not required.",
    ),
    -1108: ("Invalid asset.",),
    -1109: ("Invalid account.",),
    -1110: ("Invalid symbolType.",),
    -1111: ("Precision is over the maximum defined for this asset.",),
    -1112: ("No orders on book for symbol.",),
    -1113: ("Withdrawal amount must be negative.",),
    -1114: ("TimeInForce parameter sent when not required.",),
    -1115: ("Invalid timeInForce.",),
    -1116: ("Invalid orderType.",),
    -1117: ("Invalid side.",),
    -1118: ("New client order ID was empty.",),
    -1119: ("Original client order ID was empty.",),
    -1120: ("Invalid interval.",),
    -1121: ("Invalid symbol.",),
    -1125: ("This listenKey does not exist.",),
    -1127: (
        "Lookup interval is too big.",
        "More than %s hours between startTime and endTime.",
    ),
    -1128: ("Combination of optional parameters invalid.",),
    -1130: (
        "Invalid data sent for a parameter.",
        "Data sent for parameter '%s' is not valid.",
    ),
    -1136: ("Invalid newOrderRespType.",),
    -2010: ("NEW_ORDER_REJECTED",),
    -2011: ("CANCEL_REJECTED",),
    -2013: ("Order does not exist.",),
    -2014: ("API-key format invalid.",),
    -2015: ("Invalid API-key, IP, or permissions for action.",),
    -2016: ("No trading window could be found for the symbol. Try ticker/24hrs instead.",),
    -2018: ("Balance is insufficient.",),
    -2019: ("Margin is insufficient.",),
    -2020: ("Unable to fill.",),
    -2021: ("Order would immediately trigger.",),
    -2022: ("ReduceOnly Order is rejected.",),
    -2023: ("User in liquidation mode now.",),
    -2024: ("Position is not sufficient.",),
    -2025: ("Reach max open order limit.",),
    -2026: ("This OrderType is not supported when reduceOnly.",),
    -2027: ("Exceeded the maximum allowable position at current leverage.",),
    -2028: ("Leverage is smaller than permitted: insufficient margin balance.",),
    -4000: ("Invalid order status.",),
    -4001: ("Price less than 0.",),
    -4002: ("Price greater than max price.",),
    -4003: ("Quantity less than zero.",),
    -4004: ("Quantity less than min quantity.",),
    -4005: ("Quantity greater than max quantity.",),
    -4006: ("Stop price less than zero.",),
    -4007: ("Stop price greater than max price.",),
    -4008: ("Tick size less than zero.",),
    -4009: ("Max price less than min price.",),
    -4010: ("Max qty less than min qty.",),
    -4011: ("Step size less than zero.",),
    -4012: ("Max mum orders less than zero.",),
    -4013: ("Price less than min price.",),
    -4014: ("Price not increased by tick size.",),
    -4015: (
        "Client order id is not valid.",
        "Client order id length should not be more than 36 chars",
    ),
    -4016: ("Price is higher than mark price multiplier cap.",),
    -4017: ("Multiplier up less than zero.",),
    -4018: ("Multiplier down less than zero.",),
    -4019: ("Composite scale too large.",),
    -4020: ("Target strategy invalid for orderType '%s',reduceOnly '%b'.",),
    -4021: (
        "Invalid depth limit.",
        "'%s' is not valid depth limit.",
    ),
    -4022: ("market status sent is not valid.",),
    -4023: ("Qty not increased by step size.",),
    -4024: ("Price is lower than mark price multiplier floor.",),
    -4025: ("Multiplier decimal less than zero.",),
    -4026: (
        "Commission invalid.",
        "%s less than zero.",
        "%s absolute value greater than %s",
    ),
    -4027: ("Invalid account type.",),
    -4028: (
        "Invalid leverage",
        "Leverage %s is not valid",
        "Leverage %s already exist with %s",
    ),
    -4029: ("Tick size precision is invalid.",),
    -4030: ("Step size precision is invalid.",),
    -4031: (
        "Invalid parameter working type",
        "Invalid parameter working type: %s",
    ),
    -4032: (
        "Exceed maximum cancel order size.",
        "Invalid parameter working type: %s",
    ),
    -4033: ("Insurance account not found.",),
    -4044: ("Balance Type is invalid.",),
    -4045: ("Reach max stop order limit.",),
    -4046: ("No need to change margin type.",),
    -4047: ("Margin type cannot be changed if there exists open orders.",),
    -4048: ("Margin type cannot be changed if there exists position.",),
    -4049: ("Add margin only support for isolated position.",),
    -4050: ("Cross balance insufficient.",),
    -4051: ("Isolated balance insufficient.",),
    -4052: ("No need to change auto add margin.",),
    -4053: ("Auto add margin only support for isolated position.",),
    -4054: ("Cannot add position margin: position is 0.",),
    -4055: ("Amount must be positive.",),
    -4056: ("Invalid api key type.",),
    -4057: ("Invalid api public key",),
    -4058: ("maxPrice and priceDecimal too large,please check.",),
    -4059: ("No need to change position side.",),
    -4060: ("Invalid position side.",),
    -4061: ("Order's position side does not match user's setting.",),
    -4062: ("Invalid or improper reduceOnly value.",),
    -4067: ("Position side cannot be changed if there exists open orders.",),
    -4068: ("Position side cannot be changed if there exists position.",),
    -4081: (
        "options not found",
        "options not found with id: %s",
    ),
    -4082: (
        "Invalid number of batch place orders.",
        "Invalid number of batch place orders: %s",
    ),
    -4083: ("Fail to place batch orders.",),
    -4084: ("Method is not allowed currently. Upcoming soon.",),
    -4085: ("Invalid notional limit coefficient",),
    -4086: ("Invalid price spread threshold",),
    -4087: ("User can only place reduce only order",),
    -4088: ("User can not place order currently",),
    -4104: ("Invalid contract type",),
    -4114: (
        "clientTranId  is not valid",
        "Client tran id length should be less than 64 chars",
    ),
    -4115: (
        "clientTranId  is duplicated",
        "Client tran id should be unique within 7 days",
    ),
    -4118: ("ReduceOnly Order Failed. Please check your existing position and open orders",),
    -4131: ("The counterparty's best price does not meet the PERCENT_PRICE filter limit",),
    -4135: ("Invalid activation price",),
    -4137: ("Quantity must be zero with closePosition equals true",),
    -4138: ("Reduce only must be true with closePosition equals true",),
    -4139: ("Order type can not be market if it's unable to cancel",),
    -4140: ("Invalid symbol status for opening position",),
    -4141: ("Symbol is closed",),
    -4142: ("REJECT: take profit or stop order will be triggered immediately",),
    -4144: ("Invalid pair",),
    -4161: ("Leverage reduction is not supported in Isolated Margin Mode with open positions",),
    -4164: (
        "Order's notional must be no smaller than 5.0 (unless you choose reduce only)",
        "Order's notional must be no smaller than %s (unless you choose reduce only)",
    ),
    -4165: (
        "Invalid time interval",
        "Maximum time interval is %s days",
    ),
    -4183: (
        "Price is higher than stop price multiplier cap.",
        "Limit price can't be higher than %s.",
    ),
    -4184: (
        "Price is lower than stop price multiplier floor.",
        "Limit price can't be lower than %s.",
    ),
}

FROM_EXAMPLES: dict[int, tuple[str, ...]] = {
    -1000: ("Signature check failed", "No agent found", "Invalid symbol."),
    -2011: ("Unknown order sent.",),
    -4225: ("Nonce Expired",),
}
"""Texts that stand in the docs' examples, or that live clients got."""

FAMILY: dict[int, tuple[str, ...]] = {
    -1021: (
        "Timestamp for this request is outside of the recvWindow.",
        "Timestamp for this request was 1000ms ahead of the server's time.",
    ),
    -2007: ("Invalid callBack rate",),
    -4116: ("ClientOrderId is duplicated.",),
    -5000: ("Path %s, Method %s is invalid",),
    -5021: ("Due to the order could not be filled immediately, the FOK order has been rejected.%s",),
    -5022: ("Due to the order could not be executed as maker, the Post Only order will be rejected.%s",),
    -5027: ("No need to modify the order.",),
}
"""Codes that no page of the docs has: those of the exchange family whose API this one follows."""


def is_documented(code: int, message: str) -> bool:
    texts = (*DOCUMENTED.get(code, ()), *FROM_EXAMPLES.get(code, ()), *FAMILY.get(code, ()))
    return any(re.fullmatch(_pattern(text), message) for text in texts)


def _pattern(text: str) -> str:
    return ".*".join(re.escape(part) for part in re.split("%s|%b", text))
