"""Preset dictionaries of zlib for the documents that :mod:`shop.storage.compression` writes.

A dictionary is the text of typical documents without their individual values. The most frequent
text is at the end, because zlib encodes short distances with fewer bits. The text is never parsed.

**Never change a published dictionary**: documents that were written with it would be unreadable.
Add a better one in front of the others. It is used from then on, and the older ones remain for the
documents that were written with them.
"""

_PRODUCTS = (
    '{"at":[["ALL#1","published#"],["WORD#","1#"],["WORD#","3#"]],"skus":["","'
    '{"title":"","handle":"","text":"","html":"<p>","brand":"","categories":[["'
    '"tags":["","media":[{"url":"https://cdn.shopify.com/s/files/1/products/.jpg","alt":"'
    '"options":[["Size",["S","M","L"]],["Color",["","status":"published","listed":,"currency":"EUR",'
    '"currency":"USD","prices":[1299,1399],"featured":{"id":"","sku":"","title":"","price":,'
    '"weight_g":},"variants":2}"variants":[{"id":"","sku":"","title":"","price":,"list_price":,'
    '"choices":[["Size",""],["Color",""]],"weight_g":,"length_mm":,"width_mm":,"height_mm":,'
    '"tax_class":"reduced","barcode":"","discontinued":true,"past":[[1787659200000,1299,null,"USD"]]}],'
    '"created_at":"2026-08-25T12:00:00+00:00","updated_at":"2026-08-25T12:00:00+00:00"}'
)
_RESPONSES = (
    '{"ucp":{"payment_handlers":{"dev.doorbuster.credits":[{"id":"credits","version":"2026-08-25",'
    '"available_instruments":[{"type":"gift_card"},{"type":"store_credit"},{"type":"loyalty"}],'
    '"config":{}}],"dev.doorbuster.sandbox":[{"id":"sandbox","version":"2026-08-25",'
    '"spec":"https://","schema":"https://","available_instruments":[{"type":"token"}],"config":{'
    '"environment":"SANDBOX: no money moves","explained_at":"https:///sandbox","test_tokens":['
    '"tok_success","tok_declined","tok_insufficient_funds","tok_challenge","tok_pending",'
    '"tok_pending_declined","tok_never","tok_down"]}}]}},"id":"chk_","status":"incomplete",'
    '"status":"ready_for_complete","status":"completed","status":"canceled","id":"cart_",'
    '"line_items":[{"id":"li_1","item":{"id":"","title":"","price":},"quantity":1,'
    '"totals":[{"type":"subtotal","amount":},{"type":"items_discount","amount":-},'
    '{"type":"total","amount":}]},{"id":"li_2","item":{"id":"","title":"","price":},"quantity":1,'
    '"totals":[{"type":"subtotal","amount":},{"type":"total","amount":}]}],"currency":"USD",'
    '"totals":[{"type":"subtotal","display_text":"Subtotal","amount":},{"type":"discount",'
    '"display_text":"Discount","amount":-},{"type":"fulfillment","display_text":"Shipping",'
    '"amount":},{"type":"tax","display_text":"Tax","amount":},{"type":"total",'
    '"display_text":"Total (includes tax of )","display_text":"Total","amount":}],'
    '"messages":[{"type":"warning","type":"error","code":"missing","path":"$.buyer.email",'
    '"content":"Enter an email address for the order confirmation.","severity":"recoverable"},'
    '{"type":"error","code":"missing","path":"$.fulfillment.methods[0].destinations",'
    '"content":"Enter a shipping address.","path":"$.line_items[0].quantity",'
    '"severity":"recoverable"}],"links":[{"type":"terms_of_service","url":"https:///legal/terms"},'
    '{"type":"privacy_policy","url":"https:///legal/privacy"}],"order":{"id":"ord_",'
    '"permalink_url":"/orders/ord_"},"fulfillment":{"methods":[{"id":"shipping","type":"shipping",'
    '"line_item_ids":["li_1","li_2"],"destinations":[{"type":"shipping_address","id":"dest_1"}],'
    '"selected_destination_id":"dest_1","groups":[{"id":"all","line_item_ids":["li_1","li_2"],'
    '"selected_option_id":"us-standard","options":[{"id":"us-standard","title":"Standard",'
    '"description":{"plain":"USPS, arrives 25 Nov to 27 Nov"},"carrier":"USPS",'
    '"earliest_fulfillment_time":"2026-11-25T08:00:00+00:00",'
    '"latest_fulfillment_time":"2026-11-27T20:00:00+00:00","totals":[{"type":"total","amount":}],'
    '"parcels":1,"carbon_grams":null},{"id":"us-express","title":"Express","description":{'
    '"plain":"UPS, arrives 01 Dec to 02 Dec"},"carrier":"UPS"'
    ']}]}]},"expires_at":"2026-1-T+00:00","continue_url":"/checkout-sessions/chk_",'
    '"continue_url":"/carts/cart_","buyer":{'
)
_SESSIONS = (
    '{"lines":[["li_1","",1,],["li_2","",1,]],"currency":"USD","created_at":"2026-11-2T:.+00:00",'
    '"country":null,"region":null,"postal_code":null,"buyer":{},"attribution":{},'
    '"shown":{"total":,"lines":{"li_1":,"li_2":},"discounts":{},"uses":[["'
    '"attribution":{},"cart_id":"cart_","channel":"app","channel":"agent","channel":"web",'
    '"order_id":"ord_","placement_key":"","codes":[""],"lines":[["li_1","",1,],["li_2","",1,]],'
    '"offer":{"lines":[["li_1","","","","",1,null],["li_2","","","","",1,null]],"kits":{},'
    '"ships_from":{},"group_buy":"","trace":[{"step":"tax","rule":"US","detail":"the destination '
    'is not known yet"}]},"options":[],"option":null,"messages":[]},'
    '"options":[["us-standard","Standard",599,'
    '"2026-11-25T08:00:00+00:00","2026-11-27T20:00:00+00:00","USPS",1,null],["us-express",'
    '"Express",1999,"DHL","UPS","eu-standard","eu-express","DHL",1,null]],"option":"us-standard",'
    '"messages":[]},"created_at":"2026-11-2T:.+00:00","attempt":1}'
)
_SHIPMENTS = (
    '"shipments":[{"id":"par_","carrier":"usps","number":"","url":null,"lines":{"li_1":1,"li_2":1},'
    '"at":"2026-11-2T","tracking":[["","","delivered",""],["","","out_for_delivery",""],'
    '["","","in_transit",""]]}],"allocation":{"li_1":"main","li_2":"main"},"cancel_reason":'
    '"payment_expired","card_declined","insufficient_funds","checkout_canceled",'
    '"+00:00","cancelled","deadline","payment_expired"],"+00:00","completed","workflow",""],'
    '"+00:00","parcel delivered","carrier ",""],"+00:00","parcel in_transit","carrier ",""],'
    '"+00:00","shipped","staff ",""],"+00:00","payment captured","sandbox",""],'
    '"+00:00","allocated","workflow","main"],"+00:00","payment failed","sandbox","card_declined"],'
    '"shipped":1,"delivered":1,"cancelled":1,"returned":1,"captured",4596,"pay_"],"refunded",'
)
_EVENTS = (
    '"reference":"pay_","reason":"","due":,"amount":,"shipment_id":"par_","carrier":"",'
    '"tracking_number":"","whole":true,"to":"delivered","delivered":true,"locations":["main"]'
    '"StockBatchesQueued","OrderPartiallyCancelled","BackorderAllocated","OrderGroupCompleted",'
    '"OrderAllocated","PaymentCaptured","ShipmentUpdated","OrderShipped","OrderCompleted",'
    '"OrderCancelled","PaymentFailed","PaymentReceivedLate","OrderReturned"'
    '[[".2.OrderConfirmed","OrderConfirmed","ord_","2026-11-27T08:00:00.+00:00",'
    '[["ord_.1.OrderPlaced","OrderPlaced","ord_","2026-11-27T08:00:00.+00:00",'
    '{"order_id":"ord_","status":"confirmed","status":"placed",'
    '"currency":"EUR","currency":"USD","total":,"pay_by":"2026-11-27T08:30:00.+00:00"}]]'
)
_ORDERS = (
    '"currency":"EUR","currency":"USD","total":4596,"pieces":3,"email":"@example.com",'
    '"pay_by":1795367446}{"checkout_id":"chk_","currency":"EUR","currency":"GBP","currency":"USD",'
    '"subtotal":2499,"discount":0,"shipping":495,"shipping":599,"tax":0,"total":,'
    '"tax_included":true,"tax_included":false,"email":"@yahoo.com",'
    '"buyer":{"email":"@gmail.com","first_name":"","last_name":"","phone_number":"+49 +1"},'
    '"destination":{"id":"dest_1","street_address":" Street Road Avenue straße",'
    '"extended_address":"Apt. ","address_locality":"","address_region":"CA NY TX",'
    '"address_country":"DE","address_country":"GB","address_country":"US","postal_code":"",'
    '"first_name":"","last_name":""},"shipping_option":{"id":"eu-standard","carrier":"DHL",'
    '"id":"us-standard","title":"Standard","carrier":"USPS","price":599,'
    '"earliest":"2026-11-25T08:00:00+00:00","latest":"2026-11-27T20:00:00+00:00"},'
    '"quote":{"currency":"USD","subtotal":,"discount":0,"shipping":599,"tax":0,"total":,'
    '"tax_included":true,"tax_included":false,"rounding":{"mode":"half_even","tax_by":"line"},'
    '"at":"2026-11-27T08:00:00.+00:00","rules":"0","lines":[{"id":"li_1","price":,"quantity":1,'
    '"subtotal":,"total":,"discounts":[["","",100]],"tax":[82500,"Sales tax"],'
    '"tax":[190000,399,"MwSt"],"units":[[1,1299,0]]},{"tax":[190000,605,"MwSt"],'
    '"units":[[2,1299,0],[1,1299,303]]}],"delivery":{"price":599,"total":599,'
    '"tax":[190000,79,"MwSt"],"method":"eu-standard","method":"us-standard"},'
    '"trace":[{"step":"promotion","rule":"","applied":true,"reason":"","amount":,"detail":"",'
    '{"step":"tax","rule":"US-CA","rule":"DE","applied":true,"amount":1083,"detail":"MwSt 19 %",'
    '"detail":"not taxed","lines":["li_1","li_2","shipping"]}]},'
    '"lines":[["li_1","","","","","https://cdn.shopify.com/s/files/1/products/.jpg",1999,1,1999,'
    '"https://images..com/products/.jpg",["li_2",2],null,2599,1,2599,2599]],'
    '"placed_at":"2026-11-27T08:00:00.+00:00","pay_by":"2026-11-27T08:30:00.+00:00",'
    '"reservations":[["",1],["",1]],"usage":[["quota",""],["coupon",""]],"group_buy":"",'
    '"credits":[["gift_card"]],"history":[["2026-11-27T08:00:00.+00:00","placed","customer",""],'
    '["2026-11-27T08:00:00.+00:00","placed","guest",""],'
    '["2026-11-27T08:00:00.+00:00","payment authorised","sandbox",""]],'
    '"payment":{"provider":"stripe","provider":"sandbox","status":"created"}'
    '"status":"requires_action","status":"processing","status":"captured","status":"authorised",'
    '"reference":"pay_","ledger":[["2026-11-27T08:00:00.+00:00","authorised",4596]]}}'
)

DICTIONARIES: tuple[bytes, ...] = (
    "".join((_PRODUCTS, _RESPONSES, _SESSIONS, _SHIPMENTS, _EVENTS, _ORDERS)).encode(),
)
"""The dictionary for new documents, then older ones."""
