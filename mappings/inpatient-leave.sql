-- 已出院的工伤病人，一次住院一行。出院日期写法不一，所以只取 CYPB = 1 的。
-- 姓名、身份证号须与入院登记时传的一致（中心 110011、110012）。
SELECT r.ZYH, r.ZYHM, r.ZYCS, r.BRXM, UPPER(r.SFZH) AS SFZH, r.CYRQ, r.CYFS, r.CYZDBM, r.CYZDMC, r.ZYTS
FROM ZY_BRRY r
WHERE r.GSBZ = '1' AND r.CYPB = 1
